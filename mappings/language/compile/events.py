"""Trigger events and event types of a message file."""

from __future__ import annotations

from typing import Final

from contract.event import is_event_type
from mappings.language.compile import beginnings, conditions
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.nodes import Mapping, Node, Scalar

NO_EVENT: Final = "none"
"""Stands where a trigger event makes no event, although others that are not named do (`else`)."""


def event_types(unit: Unit, document: Mapping) -> dict[str, str]:
    """Event types by trigger event; "" where there is none, and under `else` for triggers that are not named."""
    node = document.get("events")
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        unit.wrong(node.place, "`events` maps trigger events to event types", "A01: patient-admitted-1")
        return {}
    found: dict[str, str] = {}
    for entry in node:
        if beginnings.text_in(entry.value) != NO_EVENT:
            _check_type(unit, entry.value)
        for trigger in entry.key.text.split():
            if trigger in found:
                unit.wrong(entry.key.place, f"`{trigger}` is named twice", "each trigger event makes one event type")
            found[trigger] = beginnings.text_in(entry.value).replace(NO_EVENT, "")
    return found


def _check_type(unit: Unit, node: Node) -> None:
    if not isinstance(node, Scalar) or not is_event_type(node.text):
        said = "an event type is noun-pastverb-number in lower case"
        unit.wrong(node.place, f"`{beginnings.text_in(node)}` is no event type", f"{said}: patient-admitted-1")


def write_event(unit: Unit, document: Mapping, scope: Scope) -> None:
    entry = document.entry("event")
    if entry is None:
        if document.get("events") is None:
            unit.wrong(document.place, "the message file names no event", "write `events:` or `event:`")
        return
    node = entry.value
    if isinstance(node, Scalar):
        _check_type(unit, node)
        unit.line(f"S.event = {node.text!r}")
        return
    cases = node.get("cases") if isinstance(node, Mapping) else None
    if not isinstance(cases, Mapping):
        unit.wrong(entry.key.place, "`event` is an event type, or holds `cases:`")
        return
    for case in cases:
        inside = case.value if isinstance(case.value, Mapping) else None
        kind = inside.get("type") if inside else None
        if inside is None or kind is None:
            unit.wrong(case.key.place, "a case of `event` has `if:` (or `else: true`) and `type:`")
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
        unit.line("return S.unsupported()")
