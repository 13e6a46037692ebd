"""Message files: ids first, then bodies, then what the event is about."""

from __future__ import annotations

from mappings.language.compile import beginnings, hanging, outcomes, phases
from mappings.language.compile.continued import read_continued
from mappings.language.compile.events import chooses_event, event_types, write_event
from mappings.language.compile.groups import names_of, read_groups, structure_of
from mappings.language.compile.resources import in_order, read_resources
from mappings.language.compile.unit import Shared, Unit
from mappings.language.compile.values import (
    NOTHING_VALUE,
)
from mappings.language.compile.writer import Writer
from mappings.language.nodes import Mapping
from mappings.language.problems import did_you_mean
from mappings.language.runtime.program import MessageCode

KEYS = frozenset(
    [
        "message",
        "events",
        "event",
        "happened",
        "continued",
        "groups",
        "each",
        "person",
        "prior",
        "also",
        "focus",
        "resources",
        "parents",
        "remember",
        "snapshot",
        "pass",
        "addressed",
    ]
)


def compile_message(shared: Shared, file: str, document: Mapping, number: int) -> MessageCode | None:
    """Writes the functions of one message file; None, with problems added, when it cannot be used at all."""
    problems = shared.problems
    for entry in document:
        if entry.key.text not in KEYS:
            advice = did_you_mean(entry.key.text, KEYS) or f"there are: {', '.join(sorted(KEYS))}"
            problems.add(entry.key.place, f"a message file has no `{entry.key.text}`", advice)
    message = beginnings.text_in(document.get("message"))
    if not message:
        problems.add(document.place, "the message file says not which message it is for", "message: ADT")
        return None
    parents = hanging.parent_names(document)
    head = f"def M{number}(S, M):"
    unit = Unit(shared, Writer(head, document.place), shared.remembered | parents, message)
    passes = document.get("pass") is not None
    scope = beginnings.message_scope(shared, message)
    kinds = read_groups(unit, document)
    scope.names.update(names_of(kinds))
    events = event_types(unit, document)
    write_event(unit, document, scope)
    resources = {} if passes else read_resources(unit, document)
    for name in resources:
        scope.names[f"ref({name})"] = NOTHING_VALUE
    for name in in_order(unit, resources):
        phases.write_identity(unit, resources[name], scope)
    for resource in resources.values():
        phases.write_body(unit, resource, scope)
    if passes:
        phases.lay_over_passed(unit, document, scope)
    outcomes.write_results(unit, document, resources, scope, passes=passes)
    beginnings.open_segments(unit, scope)
    shared.functions.append(unit.writer)
    remember = hanging.remember_names(unit, document, resources)
    return MessageCode(
        message,
        file,
        f"M{number}",
        hanging.write_parents(shared, document, message, number),
        events,
        chooses_event(document),
        read_continued(unit, document),
        structure_of(unit, document, kinds),
        remember,
        beginnings.text_in(document.get("snapshot")) == "true",
        passes,
    )
