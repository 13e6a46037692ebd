"""Trigger events and event types of a message file."""

from __future__ import annotations

from typing import Final

from contract.event import is_event_type
from mappings.formats.rows import ROW
from mappings.language.compile import beginnings, conditions
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.nodes import Entry, Mapping, Node, Scalar
from mappings.stages import Format

OTHERWISE: Final = "else"
"""Stands under `events:` for every trigger event that is not named there."""

NO_EVENT: Final = "none"
"""Stands where a trigger event makes no event, although others that are not named do (`else`)."""

_TRIGGER_PATHS: Final = {Format.HL7V2: "MSH-9.2", Format.FHIR: "MessageHeader"}


def event_types(unit: Unit, document: Mapping) -> dict[str, str]:
    """Event types by trigger event; "" where there is none, and under `else` for triggers that are not named, unless
    `cases` choose it."""
    node = document.get("events")
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        unit.wrong(node.place, "`events` maps trigger events to event types", "A01: patient-admitted-1")
        return {}
    found: dict[str, str] = {}
    for entry in node:
        if entry is _choice(document):
            continue
        if beginnings.text_in(entry.value) != NO_EVENT:
            _check_type(unit, entry.value)
        for trigger in entry.key.text.split():
            if trigger in found:
                unit.wrong(entry.key.place, f"`{trigger}` is named twice", "each trigger event makes one event type")
            found[trigger] = beginnings.text_in(entry.value).replace(NO_EVENT, "")
    return found


def chooses_event(document: Mapping) -> bool:
    """Whether `cases` under `events: else:` choose the type for triggers that are not named."""
    return _choice(document) is not None


def _choice(document: Mapping) -> Entry | None:
    node = document.get("events")
    entry = node.entry(OTHERWISE) if isinstance(node, Mapping) else None
    return entry if entry is not None and isinstance(entry.value, Mapping) else None


def _check_type(unit: Unit, node: Node) -> None:
    if not isinstance(node, Scalar) or not is_event_type(node.text):
        said = "an event type is noun-pastverb-number in lower case"
        unit.wrong(node.place, f"`{beginnings.text_in(node)}` is no event type", f"{said}: patient-admitted-1")


def write_event(unit: Unit, document: Mapping, scope: Scope) -> None:
    entry, choice = document.entry("event"), _choice(document)
    if choice is not None:
        with unit.writer.block("if not S.event:"):
            unit.line(f"S.unnamed_trigger({_trigger_path(unit)!r})")
            _write_choice(unit, choice, scope)
    elif entry is not None:
        _write_choice(unit, entry, scope)
    elif document.get("events") is None:
        unit.wrong(document.place, "the message file names no event", "write `events:` or `event:`")


def _write_choice(unit: Unit, entry: Entry, scope: Scope) -> None:
    """The event type: the one named, or that of the first case that holds."""
    node = entry.value
    if isinstance(node, Scalar):
        _check_type(unit, node)
        unit.line(f"S.event = {node.text!r}")
        return
    cases = node.get("cases") if isinstance(node, Mapping) else None
    if not isinstance(cases, Mapping):
        unit.wrong(entry.key.place, f"`{entry.key.text}` is an event type, or holds `cases:`")
        return
    for case in cases:
        inside = case.value if isinstance(case.value, Mapping) else None
        kind = inside.get("type") if inside else None
        if inside is None or kind is None:
            unit.wrong(case.key.place, "a case of events has `if:` (or `else: true`) and `type:`")
            continue
        _check_type(unit, kind)
        test = inside.get("if")
        condition = "True"
        if isinstance(test, Scalar):
            tree = read_expression(unit, test)
            condition = conditions.condition(unit, test, tree, scope) if tree else "False"
        with unit.writer.block(f"if not S.event and {condition}:"):
            unit.line(f"S.event = {beginnings.text_in(kind)!r}")
    with unit.writer.block("if not S.event:"):
        unit.line(f"return S.unsupported({_trigger_path(unit)!r})")


def _trigger_path(unit: Unit) -> str:
    return _TRIGGER_PATHS.get(unit.shared.format, ROW)
