"""What an event is about, when it happened, and to whom it is addressed."""

from __future__ import annotations

from mappings.language.compile import beginnings, expressions
from mappings.language.compile.resources import Resource
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.compile.values import (
    Many,
    Value,
)
from mappings.language.expressions import Expression, Fallback, Path, walk
from mappings.language.nodes import Mapping, Scalar
from mappings.language.problems import did_you_mean


def write_results(unit: Unit, document: Mapping, resources: dict[str, Resource], scope: Scope, *, passes: bool) -> None:
    happened = _happened(unit, document, scope)
    addressed = _addressed(unit, document, scope)
    if passes:
        person, prior, focus = (_passed_path(unit, document, key, scope) for key in ("person", "prior", "focus"))
        unit.line(f"return ({person}, {prior}, None, {focus}, {happened}, {addressed})")
        return
    wanted = document.get("remember")
    for entry in wanted if isinstance(wanted, Mapping) else ():
        identity = scope.names.get(f"id({beginnings.text_in(entry.value)})")
        if isinstance(identity, Value):
            with unit.writer.block(f"if S.made({identity.code}):"):
                unit.line(f"S.named[{beginnings.text_in(entry.value)!r}] = {identity.code}")
    person = _made(unit, document, "person", resources, scope)
    prior = _made(unit, document, "prior", resources, scope)
    also = _made(unit, document, "also", resources, scope)
    focus = _made(unit, document, "focus", resources, scope)
    unit.line(f"return ({person}, {prior}, {also}, {focus}, {happened}, {addressed})")


def _made(unit: Unit, document: Mapping, key: str, resources: dict[str, Resource], scope: Scope) -> str:
    """Code for the id of the first of `a ?? b` that was made."""
    node = document.get(key)
    if node is None:
        return "None"
    tree = read_expression(unit, node) if isinstance(node, Scalar) and not node.quoted else None
    if tree is None or not isinstance(node, Scalar):
        return "None"
    codes: list[str] = []
    for part in walk(tree):
        if not isinstance(part, Path):
            continue
        identity = scope.names.get(f"id({part.root})")
        if part.root not in resources or part.steps or not isinstance(identity, Value):
            unit.problem(
                node,
                part.position,
                f"the message makes no resource `{part.text}`",
                did_you_mean(part.root, resources) or f"there are: {', '.join(resources)}",
                len(part.text),
            )
            continue
        many = resources[part.root].each is not None
        codes.append(f"S.first_made({identity.code}.values())" if many else f"S.made({identity.code})")
    return " or ".join(codes) or "None"


def _passed_path(unit: Unit, document: Mapping, key: str, scope: Scope) -> str:
    node = document.get(key)
    if not isinstance(node, Scalar) or node.quoted:
        return "None"
    tree = read_expression(unit, node)
    if tree is None:
        return "None"
    found = expressions.value(unit, node, tree, scope, None)
    return found.code if isinstance(found, Value) else "None"


def _happened(unit: Unit, document: Mapping, scope: Scope) -> str:
    node = document.get("happened")
    tree = read_expression(unit, node) if isinstance(node, Scalar) and not node.quoted else None
    if tree is None or not isinstance(node, Scalar):
        return "None"
    held = unit.writer.name("v")
    unit.line(f"{held} = None")
    _write_moment(unit, node, tree, scope, held)
    return held


def _write_moment(unit: Unit, node: Scalar, tree: Expression, scope: Scope, held: str) -> None:
    """The first of `a ?? b` that is a time: one that cannot be read leaves the next to say."""
    first, rest = (tree.left, tree.right) if isinstance(tree, Fallback) else (tree, None)
    found = expressions.value(unit, node, first, scope, None)
    text = expressions.settle(unit, node, 0, found, None) if isinstance(found, Value) else None
    if text is not None:
        code = unit.writer.once(f"text_of_json({text.code})" if text.type == "json" else f"plain({text.code})")
        with unit.writer.block(f"if {code} is not None:"):
            unit.line(f"{held} = moment(S, {text.where}, {code})")
            if unit.shared.accounting:
                with unit.writer.block(f"if {held} is not None:"):
                    unit.note_used([text])
    if rest is not None:
        with unit.writer.block(f"if {held} is None:"):
            _write_moment(unit, node, rest, scope, held)


def _addressed(unit: Unit, document: Mapping, scope: Scope) -> str:
    node = document.get("addressed")
    if not isinstance(node, Scalar) or node.quoted:
        return "()"
    tree = read_expression(unit, node)
    found = expressions.value(unit, node, tree, scope, None) if tree is not None else None
    if isinstance(found, Many) and found.tail:
        unit.wrong(node.place, "several components cannot be gathered here", "choose one with `[1]`")
        return "()"
    if isinstance(found, Many):
        unit.note_used([found.item])
        return f"texts(S, {found.code})"
    if not isinstance(found, Value):
        return "()"
    text = expressions.settle(unit, node, 0, found, None)
    unit.note_used([text] if text else [])
    return "()" if text is None else f"texts(S, [{text.code}])"
