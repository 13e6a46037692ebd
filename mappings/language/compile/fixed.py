"""Objects that the pack gives whole (a system with its code and display) to one Python literal."""

from __future__ import annotations

from mappings.language.compile import convert
from mappings.language.compile.sinks import Piece
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import Target, constant
from mappings.language.fhir.model import Element, is_resource, type_model
from mappings.language.nodes import Mapping, Node, Scalar, Sequence


def fixed_text(unit: Unit, pieces: list[Piece], kind: str) -> str:
    """The literal; empty where something is read from the source, or where there may be something to say to the pack's
    author."""
    return _object(unit, [(entry.key.text, entry.value) for entry, _ in pieces], kind)


def _object(unit: Unit, entries: list[tuple[str, Node]], kind: str) -> str:
    model = type_model(kind)
    if model is None or is_resource(kind) or not entries:
        return ""
    elements = [model.elements.get(name) for name, _ in entries]
    given = {name for name, _ in entries}
    missing = any(element.required and element.name not in given for element in model.elements.values())
    if missing or len(given) < len(entries) or "id" in given:
        return ""
    texts: list[str] = []
    for (name, node), element in zip(entries, elements, strict=True):
        text = _element(unit, node, element, f"{kind}.{name}") if element is not None else ""
        if not text:
            return ""
        texts.append(f"{name!r}: {text}")
    return f"{{{', '.join(texts)}}}"


def _element(unit: Unit, node: Node, element: Element, name: str) -> str:
    if not element.many:
        return _single(unit, node, element, name)
    items = node.items if isinstance(node, Sequence) else (node,)
    texts = [_single(unit, item, element, name) for item in items]
    return f"[{', '.join(texts)}]" if all(texts) else ""


def _single(unit: Unit, node: Node, element: Element, name: str) -> str:
    if isinstance(node, Mapping):
        return _object(unit, [(entry.key.text, entry.value) for entry in node], element.type)
    if not isinstance(node, Scalar) or not node.quoted:
        return ""
    before = len(unit.problems.found)
    value = convert.to_target(unit, node, 0, constant(node.text), Target((element.type,), name, element.codes))
    del unit.problems.found[before:]  # they are said again when the object is written out
    return value.code if value is not None else ""
