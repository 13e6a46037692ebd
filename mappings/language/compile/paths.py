"""Source paths to generated code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mappings.language.compile import components, expressions, members, repetitions
from mappings.language.compile.scope import Let, Scope
from mappings.language.compile.unit import Unit, where_plus
from mappings.language.compile.values import (
    NOTHING,
    NOTHING_VALUE,
    REFERENCE,
    TEXT,
    Any,
    Groups,
    Many,
    Own,
    References,
    Segments,
    Value,
)
from mappings.language.expressions import All, Component, Field, Index, Member, Path, Step, Where
from mappings.language.nodes import Scalar
from mappings.language.problems import did_you_mean
from mappings.stages import Format

_CONTEXT = {
    "trigger": "S.trigger",
    "event": "S.event",
    "organisation": "S.context.sender.organisation",
    "source": "S.context.sender.id",
}


def resolve(unit: Unit, source: Scalar, path: Path, scope: Scope) -> Any | None:
    """The value of a path; None, with a problem added, when it names nothing."""
    if path.root == "":
        if scope.here is None:
            advice = 'write the whole path; `.4` stands in brackets `PID-3[.4 = "NHS"]` and in the cases of an `each`'
            unit.problem(
                source, path.position, f"`{path.text}` has nothing to be a component of", advice, len(path.text)
            )
            return None
        return _steps(unit, source, path, scope.here, path.steps, scope)
    if path.steps and isinstance(path.steps[0], Field):
        return _field(unit, source, path, path.steps[0], scope)
    found = scope.name(path.root)
    if isinstance(found, Let):
        inner = expressions.value(unit, found.source, found.tree, found.scope, None)
        return None if inner is None else _steps(unit, source, path, inner, path.steps, scope)
    if isinstance(found, References):
        return at_loop(found, scope)
    if isinstance(found, Groups) and scope.groups:
        found = _groups_here(unit, source, path, found, scope)
    if isinstance(found, Segments):
        found = opened(unit, found)
    if found is not None:
        return _steps(unit, source, path, found, path.steps, scope)
    if path.root in _CONTEXT and not path.steps:
        return Value(_CONTEXT[path.root], TEXT, own=Own.CONSTANT)
    if path.root == "parent":
        return _parent(unit, source, path)
    if unit.shared.format is not Format.HL7V2:
        row = members.row(unit, source, path, scope)
        if row is not None:
            return row
    _unknown(unit, source, path, scope)
    return None


def _groups_here(unit: Unit, source: Scalar, path: Path, found: Groups, scope: Scope) -> Groups:
    """Inside a group, the groups of that name in it."""
    innermost = next(reversed(scope.groups.values()))
    if innermost.name not in found.around:
        said = f"the group {found.name} does not stand inside {innermost.name}"
        unit.problem(source, path.position, said, f"say so: `inside: {innermost.name}`", len(path.text))
    return replace(found, code=f"{innermost.loop}.groups({found.name!r})")


def _unknown(unit: Unit, source: Scalar, path: Path, scope: Scope) -> None:
    known = [*scope.all_names(), *_CONTEXT]
    advice = f'a literal text stands in quotes: "{path.text}"'
    if unit.shared.format is Format.HL7V2:
        if path.root in unit.shared.hl7.segments():
            advice = f"add {path.root} to `takes:`, and give it where the template is used"
    else:
        advice = f"a column or member is declared in fields.csv; {advice}"
        known += list(unit.shared.rows.of(scope.message) if scope.message else unit.shared.rows.everywhere())
    near = did_you_mean(path.root, known)
    if unit.shared.format is Format.HL7V2 and re.fullmatch(r"Z[A-Z0-9]{2}", path.root):
        near = f"a segment of your own is declared in fields.csv, a row for each field: {path.root},1,Name,ST,no"
    unit.problem(source, path.position, f"there is no `{path.text}` here", near or advice, len(path.text))


def at_loop(found: References, scope: Scope) -> Value | References:
    """Inside an `each` of the segment or group that made them, the one reference that belongs to it; inside another
    group, those that were made of what stands in it."""
    segment = scope.name(found.looped) if found.looped else None
    place = f"{segment.loop}.index" if isinstance(segment, Segments) and segment.loop else ""
    innermost = next(reversed(scope.groups.values()), None)
    if innermost is not None and found.looped == innermost.name:
        place = f"{innermost.loop}.first"
    elif innermost is not None and found.looped in innermost.around:
        place = f"{innermost.loop}.around({found.looped!r})"
    if place:
        return Value(f"{found.code}.get({place})", REFERENCE, own=Own.REFERENCE, target=found.target)
    if innermost is not None and found.looped:
        return replace(found, code=f"of_group({found.code}, {innermost.loop})")
    return found


def opened(unit: Unit, segments: Segments) -> Segments:
    """The segments of a group in locals."""
    if not segments.group or segments.code:
        return segments
    code = f"{segments.group}.placed({segments.name!r})"
    local = unit.writer.recall(code)
    if not local:
        local, where = unit.writer.name("s"), unit.writer.path(repr(segments.name))
        unit.line(f"{local}, {where} = {code}")
        unit.writer.remember(code, local)
        unit.writer.remember(f"where of {local}", where)
    return replace(segments, code=local, where=unit.writer.recall(f"where of {local}"))


def every(found: References) -> Many:
    item = Value("", REFERENCE, own=Own.REFERENCE, target=found.target)
    return Many(f"{found.code}.values()", item, numbered=False)


def _parent(unit: Unit, source: Scalar, path: Path) -> Value | None:
    names = [step.name for step in path.steps if isinstance(step, Member)]
    if len(names) != 1 or len(path.steps) != 1:
        unit.problem(source, path.position, "write `parent.NAME`")
        return None
    if names[0] == "patient":
        return Value("S.parent_patient()", "resource:Patient", own=Own.REFERENCE)
    if names[0] not in unit.parents:
        advice = (
            did_you_mean(names[0], unit.parents) or "name it under `parents:`, or `remember:` it in its own message"
        )
        unit.problem(source, path.position, f"there is no parent `{names[0]}`", advice, len(path.text))
        return None
    code = unit.writer.once(f"S.parent({names[0]!r})")
    return Value(code, REFERENCE, own=Own.REFERENCE)


def _field(unit: Unit, source: Scalar, path: Path, step: Field, scope: Scope) -> Any | None:
    bound = scope.field(path.root, step.number)
    if bound is not None:
        return _steps(unit, source, path, bound, path.steps[1:], scope)
    segment = scope.name(path.root)
    if not isinstance(segment, Segments):
        _unknown(unit, source, path, scope)
        return None
    if segment.code == NOTHING:
        return NOTHING_VALUE
    segment = opened(unit, segment)
    declared = unit.shared.hl7.field(path.root, step.number)
    if declared is None:
        last = unit.shared.hl7.last_field(path.root)
        said = f"its last is {path.root}-{last}" if last else "it is no segment of the standard"
        advice = f"{said}; a field of your own is declared in fields.csv"
        unit.problem(source, path.position, f"there is no field `{path.root}-{step.number}`", advice, len(path.text))
        return None
    return field_of(unit, source, path, segment, step.number, declared.type, declared.repeats, path.steps[1:], scope)


def field_of(
    unit: Unit,
    source: Scalar,
    path: Path,
    segment: Segments,
    number: int,
    kind: str,
    repeats: bool,
    steps: Sequence[Step],
    scope: Scope,
) -> Any | None:
    unit.note_field(segment.name, number)
    where = where_plus(segment.where, f"-{number}")
    last = unit.shared.hl7.last_field(segment.name)
    if segment.loop:
        fields = unit.writer.once(f"padded({segment.loop}, {last})", "f")
    else:
        padded = f"padded({segment.code}[0], {last}) if {segment.code} else [''] * {last + 1}"
        fields = unit.writer.once(padded, "f", opening=not segment.group)
    if not repeats:
        value = Value(f"{fields}[{number}]", components.type_of(unit, kind), raw=True, where=where)
        return _steps(unit, source, path, value, steps, scope)
    item = Value("", components.type_of(unit, kind), raw=True, where=where)
    if steps and isinstance(steps[0], Index) and steps[0].number == 1:
        code = unit.writer.once(f"{fields}[{number}].partition(R)[0] if {fields}[{number}] else ''")
        return _steps(unit, source, path, replace(item, code=code), steps[1:], scope)
    raw = f"{fields}[{number}]"
    several = f"tuple(enumerate({raw}.split(R), 1)) if R in {raw} else ((1, {raw}),)"
    code = unit.writer.once(f"({several}) if {raw} else ()", "l")
    return _steps(unit, source, path, Many(code, item), steps, scope)


def _steps(unit: Unit, source: Scalar, path: Path, start: Any, steps: Sequence[Step], scope: Scope) -> Any | None:
    value: Any = start
    for position, step in enumerate(steps):
        if isinstance(value, Value) and value.type == NOTHING:
            return value
        if isinstance(step, Component):
            numbers = tuple(s.number for s in steps[position:] if isinstance(s, Component))
            if len(numbers) != len(steps) - position:
                unit.problem(
                    source, path.position, "brackets and members cannot follow a component", length=len(path.text)
                )
                return None
            return components.components(unit, source, path, value, numbers)
        following = _step(unit, source, path, value, step, scope)
        if following is None:
            return None
        value = following
    return value


def _step(unit: Unit, source: Scalar, path: Path, value: Any, step: Step, scope: Scope) -> Any | None:
    if isinstance(step, All):
        return value
    if isinstance(step, Member):
        return members.member(unit, source, path, value, step)
    if isinstance(step, Index):
        if isinstance(value, Many):
            return repetitions.pick(unit, value, str(step.number))
        if step.number == 1:
            return value
        unit.problem(source, path.position, f"`{path.text}` is one value, so it has no [{step.number}]")
        return None
    if isinstance(step, Where):
        return repetitions.matching(unit, source, value, step, scope)
    unit.problem(source, path.position, f"`{path.text}` cannot be read", "write the path as PID-3[1].4")
    return None
