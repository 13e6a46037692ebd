"""Components and subcomponents of HL7 composites, and composites as text."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile.unit import Unit, where_plus
from mappings.language.compile.values import (
    TEXT,
    VARIES,
    Any,
    Many,
    Value,
)
from mappings.language.expressions import Path
from mappings.language.nodes import Scalar
from mappings.language.source import GREW_FROM_SIMPLE


def type_of(unit: Unit, kind: str) -> str:
    """`hl7:CX` for a composite, `varies`, else text."""
    if kind == "varies":
        return VARIES
    return f"hl7:{kind}" if unit.shared.hl7.is_type(kind) else TEXT


def components(unit: Unit, source: Scalar, path: Path, value: Any, numbers: tuple[int, ...]) -> Value | Many | None:
    if isinstance(value, Many):
        if component_type(unit, source, path, value.item, numbers) is None:
            return None
        return replace(value, tail=(*value.tail, *numbers))
    if not isinstance(value, Value) or not value.raw:
        unit.problem(
            source, path.position, f"`{path.text}`: only an HL7 composite has components", length=len(path.text)
        )
        return None
    return component_of(unit, value, numbers, component_type(unit, source, path, value, numbers))


def component_of(unit: Unit, value: Value, numbers: tuple[int, ...], kind: str | None) -> Value | None:
    if kind is None:
        return None
    code, where = value.code, value.where
    for mark, number in zip(("C", "B")[value.depth :], numbers, strict=False):
        if number == 1:
            code = unit.writer.once(f"{code}.partition({mark})[0] if {code} else ''")
        else:
            parts = unit.writer.once(f"{code}.split({mark}) if {code} else ()", "c")
            code = unit.writer.once(f"{parts}[{number - 1}] if len({parts}) > {number - 1} else ''")
        where = where_plus(where, f".{number}")
    return replace(value, code=code, type=kind, where=where, depth=min(2, value.depth + len(numbers)))


def component_type(unit: Unit, source: Scalar, path: Path, value: Value, numbers: tuple[int, ...]) -> str | None:
    if len(numbers) + value.depth > 2:
        unit.problem(source, path.position, f"`{path.text}` goes deeper than subcomponents", length=len(path.text))
        return None
    kind = value.type
    for number in numbers:
        if kind == VARIES:
            return VARIES
        if not kind.startswith("hl7:"):
            if number == 1:
                continue
            unit.problem(
                source, path.position, f"`{path.text}`: a simple type has no component {number}", length=len(path.text)
            )
            return None
        declared = unit.shared.hl7.component(kind[4:], number)
        if declared is None:
            said = f"{kind[4:]} has no component {number}"
            unit.problem(source, path.position, f"`{path.text}`: {said}", length=len(path.text))
            return None
        kind = type_of(unit, declared.type)
    return kind


def _tail_type(unit: Unit, kind: str, numbers: tuple[int, ...]) -> str:
    for number in numbers:
        declared = unit.shared.hl7.component(kind[4:], number) if kind.startswith("hl7:") else None
        kind = type_of(unit, declared.type) if declared else kind if kind == VARIES else TEXT
    return kind


def _text_of(unit: Unit, code: str) -> str:
    """A local with the text of a raw value. Letters and digits are their own text, which spares most calls."""
    text = f"{code} if {code}.isalnum() else text_of(S, {code})"
    return unit.writer.once(text if unit.writer.recall(f"{code} is some") else f"({text}) if {code} else None")


def as_text(unit: Unit, value: Value) -> Value | None:
    """A raw value unescaped, of a composite its first component; None when the composite has no such reading."""
    if not value.raw:
        return value
    if value.composite:
        if value.composite not in GREW_FROM_SIMPLE:
            return None
        declared = unit.shared.hl7.component(value.composite, 1)
        first = component_of(unit, value, (1,), type_of(unit, declared.type if declared else "ST"))
        return None if first is None else as_text(unit, first)
    return replace(
        value,
        code=_text_of(unit, value.code),
        type=TEXT,
        raw=False,
        null=True,
    )
