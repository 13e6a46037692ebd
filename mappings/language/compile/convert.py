"""From the type a value has to the type an element wants."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from mappings.language.compile import components, using
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import BOOLEAN, ID, JSON, NOTHING, REFERENCE, TEXT, VARIES, Target, Value
from mappings.language.fhir.model import NUMBERS, PRIMITIVES, TEXTS
from mappings.language.nodes import Scalar
from mappings.language.problems import did_you_mean

SIMPLE: Final = PRIMITIVES
DEFAULTS: Final = {
    "date": "date",
    "dateTime": "datetime",
    "instant": "instant",
    "time": "time",
    "boolean": "boolean",
    "integer": "integer",
    "positiveInt": "integer",
    "unsignedInt": "integer",
    "decimal": "number",
    "base64Binary": "base64",
}
"""The function that makes a text into an element's type, where the pack names none."""

_FITS: Final = {
    "date": {"dateTime"},
    "instant": {"dateTime"},
    "integer": {"decimal"},
    "positiveInt": {"unsignedInt", "integer", "decimal"},
    "code": set(TEXTS),
    "uri": {"url", "canonical"},
    "Quantity": {"Age", "Duration", "Count", "Distance", "SimpleQuantity"},
}
_WITHOUT_BLANKS: Final = {"code": "word_of", "uri": "address_of", "url": "address_of", "canonical": "address_of"}
"""What makes a text into one of a type that may not hold every blank."""
_LEAST: Final = {"positiveInt": 1, "unsignedInt": 0}
"""What FHIR counts from (R4 §2.24.0.1)."""

_LITERALS: Final = {
    "date": r"\d{4}(-\d\d(-\d\d)?)?",
    "dateTime": r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?",
    "instant": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "time": r"\d\d:\d\d:\d\d(\.\d+)?",
    "id": r"[A-Za-z0-9.-]{1,64}",
    "code": r"\S+( \S+)*",
    "base64Binary": r"[A-Za-z0-9+/=]+",
}


def to_target(unit: Unit, source: Scalar, position: int, found: Value, target: Target) -> Value | None:
    """The value as the element wants it; None, with a problem added, when the types do not meet."""
    if found.type == NOTHING:
        return found
    if found.literal is not None:
        return _literal(unit, source, position, found, target)
    if found.types:
        missing = [t for t in found.types if t not in target.types]
        if len(target.types) == 1 or missing == list(found.types):
            _mismatch(unit, source, position, found, target)
            return None
        return found
    for wanted in target.types:
        fitted = _fitted(unit, found, wanted, target)
        if fitted is not None:
            return fitted
    if found.type == TEXT and len(target.types) == 1 and target.types[0] in DEFAULTS:
        return _by_default(unit, found, target.types[0])
    if found.type == JSON:
        return _json(unit, source, position, found, target)
    if found.composite or found.type == VARIES:
        return _composite(unit, source, position, found, target)
    if found.raw:
        text = components.as_text(unit, found)
        return None if text is None else to_target(unit, source, position, text, target)
    _mismatch(unit, source, position, found, target)
    return None


def _fitted(unit: Unit, found: Value, wanted: str, target: Target) -> Value | None:
    if found.type == REFERENCE and wanted == "Reference":
        wrong = found.target and target.targets and not {found.target, "Resource"} & {*target.targets}
        return None if wrong else found
    if found.raw or found.type in (ID, REFERENCE):
        return None
    if found.type == BOOLEAN and wanted == BOOLEAN:
        return found
    if found.type in (TEXT, "string") and wanted in TEXTS:
        if target.codes:
            return None
        made_by = _WITHOUT_BLANKS.get(wanted)
        code = unit.writer.once(f"{made_by}({found.code})") if made_by else found.code
        return replace(found, code=code, type=wanted)
    if found.type == "integer" and wanted in _LEAST:
        return _counted(unit, found, wanted)
    if found.type == wanted or wanted in _FITS.get(found.type, ()):
        return replace(found, type=wanted)
    return None


def _counted(unit: Unit, found: Value, wanted: str) -> Value:
    code = unit.writer.once(f"counted(S, {found.where}, {_LEAST[wanted]}, {found.code})")
    return replace(found, code=code, type=wanted)


def _by_default(unit: Unit, found: Value, wanted: str) -> Value:
    text = components.as_text(unit, found) or found
    result = unit.writer.name("v")
    unit.line(
        f"{result} = {text.code} if {text.code} is None or {text.code} is NULL "
        f"else f_{DEFAULTS[wanted]}(S, {text.where}, {text.code})"
    )
    made = replace(text, code=result, type=wanted, null=True)
    return _counted(unit, made, wanted) if wanted in _LEAST else made


def _json(unit: Unit, source: Scalar, position: int, found: Value, target: Target) -> Value | None:
    wanted = target.types[0]
    if wanted in PRIMITIVES:
        text = replace(found, code=unit.writer.once(f"text_of_json({found.code})"), type=TEXT)
        return to_target(unit, source, position, text, target)
    return replace(found, code=unit.writer.once(f"object_of({found.code})"), type=wanted)


def _composite(unit: Unit, source: Scalar, position: int, found: Value, target: Target) -> Value | None:
    """Through the data type's template, else as text."""
    made = using.by_type(unit, source, position, found, target)
    if made is not None:
        return made
    simple = [t for t in target.types if t in PRIMITIVES]
    text = components.as_text(unit, found) if simple else None
    if text is not None:
        return to_target(unit, source, position, text, target)
    _mismatch(unit, source, position, found, target)
    return None


def _literal(unit: Unit, source: Scalar, position: int, found: Value, target: Target) -> Value | None:
    text = found.literal or ""
    for wanted in target.types:
        if found.type == TEXT and wanted in PRIMITIVES - NUMBERS - {"boolean"}:
            if target.codes and text not in target.codes:
                advice = did_you_mean(text, target.codes) or f"one of {', '.join(target.codes)}"
                unit.wrong(source.place, f'{target.name} cannot be "{text}"', advice)
                return None
            pattern = _LITERALS.get(wanted)
            if text and (pattern is None or re.fullmatch(pattern, text, re.ASCII)):
                return replace(found, type=wanted)
        if found.type == "boolean" and wanted == "boolean":
            return replace(found, code=text.capitalize(), type=wanted)
        if found.type == "number" and wanted in NUMBERS and _is_number(text, wanted):
            return replace(found, code=text, type=wanted)
    if len(target.types) > 1 and found.type == TEXT:
        unit.problem(source, position, f"{target.name} cannot be a text", f"it may be {_listed(target)}")
        return None
    _mismatch(unit, source, position, found, target)
    return None


def _is_number(text: str, wanted: str) -> bool:
    if wanted == "decimal":
        return True
    return "." not in text and (wanted not in _LEAST or int(text) >= _LEAST[wanted])


def _listed(target: Target) -> str:
    return ", ".join(target.types)


def _mismatch(unit: Unit, source: Scalar, position: int, found: Value, target: Target) -> None:
    wanted = target.types[0]
    if target.codes:
        advice = "convert it: `… | code(list)`, with a list whose targets are allowed here"
    elif wanted in ("CodeableConcept", "Coding"):
        advice = "write `… | code(list)`, or an object with `text:`"
    elif wanted == "Reference" and found.target:
        advice = f"it may refer to {', '.join(target.targets)}"
    elif wanted == "Reference":
        advice = "write `ref(name)`, or a template that makes a resource"
    elif found.composite and wanted not in PRIMITIVES:
        advice = f"add the template datatypes/{found.composite}/{wanted}.yaml"
    elif found.composite:
        advice = f"name the component: `{found.composite}.1`"
    elif wanted in DEFAULTS:
        advice = f"convert it: `… | {DEFAULTS[wanted]}`"
    elif found.literal is not None:
        advice = "truth values and numbers stand without quotes, texts with quotes"
    else:
        advice = "write an object with the elements it has" if wanted not in PRIMITIVES else ""
    unit.problem(
        source,
        position,
        f"{target.name} is {' or '.join(target.types[:4])}, and this is {found.described()}",
        advice,
        len(source.text) - position if "\n" not in source.text else 1,
    )
