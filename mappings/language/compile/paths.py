"""Source paths to generated code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mappings.language.compile import conditions, expressions
from mappings.language.compile.scope import Let, Scope
from mappings.language.compile.shapes import is_closed, shape
from mappings.language.compile.unit import Unit, where_plus
from mappings.language.compile.values import (
    JSON,
    NOTHING,
    NOTHING_VALUE,
    REFERENCE,
    TEXT,
    VARIES,
    Any,
    Many,
    Own,
    References,
    Segments,
    Value,
)
from mappings.language.expressions import All, Component, Field, Index, Member, Path, Step, Where
from mappings.language.fhir.model import is_resource
from mappings.language.nodes import Scalar
from mappings.language.problems import did_you_mean
from mappings.language.source import GREW_FROM_SIMPLE
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
    if found is not None:
        return _steps(unit, source, path, found, path.steps, scope)
    if path.root in _CONTEXT and not path.steps:
        return Value(_CONTEXT[path.root], TEXT, own=Own.CONSTANT)
    if path.root == "parent":
        return _parent(unit, source, path)
    if unit.shared.format is not Format.HL7V2:
        row = _row(unit, source, path, scope)
        if row is not None:
            return row
    _unknown(unit, source, path, scope)
    return None


def _unknown(unit: Unit, source: Scalar, path: Path, scope: Scope) -> None:
    known = [*scope.all_names(), *_CONTEXT]
    advice = f'a literal text stands in quotes: "{path.text}"'
    if unit.shared.format is Format.HL7V2:
        if path.root in unit.shared.hl7.segments():
            advice = f"add {path.root} to `takes:`, and give it where the template is used"
    else:
        known += list(unit.shared.rows.of(scope.message) if scope.message else unit.shared.rows.everywhere())
    near = did_you_mean(path.root, known)
    unit.problem(source, path.position, f"there is no `{path.text}` here", near or advice, len(path.text))


def reference_here(found: References, scope: Scope) -> Value | References:
    """Inside an `each` over the same segments, the reference that belongs to this one; elsewhere all of them."""
    segment = scope.name(found.segment) if found.segment else None
    if isinstance(segment, Segments) and segment.loop:
        return Value(f"{found.code}.get({segment.loop}.index)", REFERENCE, own=Own.REFERENCE, target=found.target)
    return found


def at_loop(found: References, scope: Scope) -> Value | References:
    """Inside an `each` of the segment that made them, the one reference that belongs to it."""
    segment = scope.name(found.segment) if found.segment else None
    if isinstance(segment, Segments) and segment.loop:
        return Value(f"{found.code}.get({segment.loop}.index)", REFERENCE, own=Own.REFERENCE, target=found.target)
    return found


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


# HL7 v2


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
    declared = unit.shared.hl7.field(path.root, step.number)
    if declared is None:
        last = unit.shared.hl7.last_field(path.root)
        said = f"its last is {path.root}-{last}" if last else "it is no segment of the standard"
        advice = f"{said}; a field of your own is declared in fields.csv"
        unit.problem(source, path.position, f"there is no field `{path.root}-{step.number}`", advice, len(path.text))
        return None
    return field_of(unit, source, path, segment, step.number, declared.type, declared.repeats, path.steps[1:], scope)


def first_segment(unit: Unit, segment: Segments) -> str:
    if segment.loop:
        return segment.loop
    return unit.writer.once(f"{segment.code}[0] if {segment.code} else EMPTY", "g", opening=True)


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
    local = first_segment(unit, segment)
    where = where_plus(segment.where, f"-{number}")
    fields = unit.writer.once(
        f"padded({local}, {unit.shared.hl7.last_field(segment.name)})", "f", opening=not segment.loop
    )
    if not repeats:
        value = Value(f"{fields}[{number}]", type_of(unit, kind), raw=True, where=where)
        return _steps(unit, source, path, value, steps, scope)
    item = Value("", type_of(unit, kind), raw=True, where=where)
    if steps and isinstance(steps[0], Index) and steps[0].number == 1:
        code = unit.writer.once(f"{fields}[{number}].partition(R)[0] if {fields}[{number}] else ''")
        return _steps(unit, source, path, replace(item, code=code), steps[1:], scope)
    code = unit.writer.once(f"{fields}[{number}].split(R) if {fields}[{number}] else ()", "l")
    return _steps(unit, source, path, Many(f"enumerate({code}, 1)", item), steps, scope)


def type_of(unit: Unit, kind: str) -> str:
    """`hl7:CX` for a composite, `varies`, else text."""
    if kind == "varies":
        return VARIES
    return f"hl7:{kind}" if unit.shared.hl7.is_type(kind) else TEXT


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
            return _components(unit, source, path, value, numbers)
        following = _step(unit, source, path, value, step, scope)
        if following is None:
            return None
        value = following
    return value


def _step(unit: Unit, source: Scalar, path: Path, value: Any, step: Step, scope: Scope) -> Any | None:
    if isinstance(step, All):
        return value
    if isinstance(step, Member):
        return _member(unit, source, path, value, step)
    if isinstance(step, Index):
        if isinstance(value, Many):
            return _pick(unit, value, str(step.number))
        if step.number == 1:
            return value
        unit.problem(source, path.position, f"`{path.text}` is one value, so it has no [{step.number}]")
        return None
    if isinstance(step, Where):
        return _matching(unit, source, value, step, scope)
    unit.problem(source, path.position, f"`{path.text}` cannot be read", "write the path as PID-3[1].4")
    return None


def _pick(unit: Unit, many: Many, number: str) -> Value:
    """The n-th of several, from 1."""
    if not many.numbered:
        return replace(many.item, code=unit.writer.once(f"next(islice({many.code}, {int(number) - 1}, None), None)"))
    if many.code.startswith("m") and number == "1":
        pair = unit.writer.once(f"{many.code}[0] if {many.code} else (1, '')", "r")
    else:
        pair = unit.writer.once(f"next(islice({many.code}, {int(number) - 1}, None), (1, ''))", "r")
    item = replace(many.item, code=unit.writer.once(f"{pair}[1]", "r"))
    return replace(item, where=numbered_where(many.item.where, f"{pair}[0]"))


def numbered_where(base: str, number: str) -> str:
    """Code for `PID-3` of the first repetition, `PID-3[2]` of the second."""
    return f"rep({base}, {number})"


def _matching(unit: Unit, source: Scalar, value: Any, step: Where, scope: Scope) -> Any | None:
    if isinstance(value, Value):
        picked = unit.writer.name("m")
        inner = scope.inner()
        inner.here = value
        condition = conditions.condition(unit, source, step.condition, inner)
        empty = "''" if value.raw else "None"
        unit.line(f"{picked} = {value.code} if {condition} else {empty}")
        return replace(value, code=picked)
    if not isinstance(value, Many):
        unit.problem(source, 0, "only repetitions can be chosen from in brackets")
        return None
    same = f"{value.code} where {shape(step.condition)}"
    known = unit.writer.recall(same)
    if known and is_closed(step.condition):
        return replace(value, code=known)
    found = unit.writer.name("m")
    unit.writer.remember(same, found)
    unit.line(f"{found} = []")
    inner = scope.inner()
    if value.numbered:
        position, raw = unit.writer.name("i"), unit.writer.name("r")
        with unit.writer.block(f"for {position}, {raw} in {value.code}:"):
            inner.here = replace(value.item, code=raw)
            condition = conditions.condition(unit, source, step.condition, inner)
            with unit.writer.block(f"if {condition}:"):
                unit.line(f"{found}.append(({position}, {raw}))")
    else:
        raw = unit.writer.name("r")
        with unit.writer.block(f"for {raw} in {value.code}:"):
            inner.here = replace(value.item, code=raw)
            condition = conditions.condition(unit, source, step.condition, inner)
            with unit.writer.block(f"if {condition}:"):
                unit.line(f"{found}.append({raw})")
    return replace(value, code=found)


def _components(unit: Unit, source: Scalar, path: Path, value: Any, numbers: tuple[int, ...]) -> Value | Many | None:
    if isinstance(value, Many):
        if _component_type(unit, source, path, value.item, numbers) is None:
            return None
        return replace(value, tail=(*value.tail, *numbers))
    if not isinstance(value, Value) or not value.raw:
        unit.problem(
            source, path.position, f"`{path.text}`: only an HL7 composite has components", length=len(path.text)
        )
        return None
    return component_of(unit, value, numbers, _component_type(unit, source, path, value, numbers))


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


def _component_type(unit: Unit, source: Scalar, path: Path, value: Value, numbers: tuple[int, ...]) -> str | None:
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


def each_of(unit: Unit, many: Many) -> tuple[str, str, str]:
    """The head of a loop over several values, with its locals: (for-line, number, raw)."""
    number, raw = unit.writer.name("i"), unit.writer.name("r")
    head = f"for {number}, {raw} in {many.code}:" if many.numbered else f"for {raw} in {many.code}:"
    return head, number, raw


def items_of(unit: Unit, many: Many, number: str, raw: str) -> Value | None:
    """Inside a loop over `many`: the item, with its components taken."""
    item = replace(many.item, code=raw)
    if many.numbered:
        item = replace(item, where=numbered_where(many.item.where, number))
    if not many.tail:
        return item
    kind = _tail_type(unit, item.type, many.tail)
    return component_of(unit, item, many.tail, kind)


def _tail_type(unit: Unit, kind: str, numbers: tuple[int, ...]) -> str:
    for number in numbers:
        declared = unit.shared.hl7.component(kind[4:], number) if kind.startswith("hl7:") else None
        kind = type_of(unit, declared.type) if declared else kind if kind == VARIES else TEXT
    return kind


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
        code=unit.writer.once(f"text_of(S, {value.code}) if {value.code} else None"),
        type=TEXT,
        raw=False,
        null=True,
    )


# rows and resources


def _row(unit: Unit, source: Scalar, path: Path, scope: Scope) -> Any | None:
    names = [path.root]
    for step in path.steps:
        if not isinstance(step, Member):
            break
        names.append(step.name)
    if unit.shared.format is Format.FHIR:
        return _resource(unit, source, path, scope)
    declared = unit.shared.rows.of(scope.message) if scope.message else unit.shared.rows.everywhere()
    for length in range(len(names), 0, -1):
        word = ".".join(names[:length])
        found = declared.get(word)
        bound, start = _bound(scope, names[:length])
        if found is None and bound is None:
            continue
        if found is None:
            continue
        real = found.name.split(".")[start:]
        where = repr(found.name)
        code = bound.code if bound is not None else "M"
        if unit.shared.format is Format.CSV:
            spellings = dict.fromkeys((found.name, word))  # the real name, or as SQL-safe extracts write it
            looked = " or ".join(f"M.get({name!r})" for name in spellings)
            cell = unit.writer.once(f"{looked} or None")
            value: Any = Value(cell, TEXT, where=where)
        else:
            for name in real:
                code = unit.writer.once(f"member({code}, {name!r})")
            value = Value(code, JSON, where=where)
            if found.repeats:
                value = Many(f"items({code})", replace(value, code=""), numbered=False)
            elif found.type != "object":
                value = replace(value, code=unit.writer.once(f"text_of_json({code})"), type=TEXT)
        return _steps(unit, source, path, value, path.steps[length - 1 :], scope)
    return None


def _bound(scope: Scope, names: list[str]) -> tuple[Value | None, int]:
    """The item of an `each` that stands at a beginning of this path, and how many names it covers."""
    for length in range(len(names), 0, -1):
        found = scope.name("." + ".".join(names[:length]))
        if isinstance(found, Value):
            return found, length
    return None, 0


def _resource(unit: Unit, source: Scalar, path: Path, scope: Scope) -> Any | None:
    bound = scope.name("." + path.root)
    if isinstance(bound, Value):
        return _steps(unit, source, path, bound, path.steps, scope)
    if path.root == "bundle":
        return _steps(unit, source, path, Value("M", JSON, where="'Bundle'"), path.steps, scope)
    if path.root == "header":
        code = unit.writer.once("header_of(M)", opening=True)
        return _steps(unit, source, path, Value(code, JSON, where="'MessageHeader'"), path.steps, scope)
    if is_resource(path.root):
        code = unit.writer.once(f"first_resource(M, {path.root!r})", opening=True)
        return _steps(unit, source, path, Value(code, JSON, where=repr(path.root)), path.steps, scope)
    return None


def _member(unit: Unit, source: Scalar, path: Path, value: Any, step: Member) -> Value | None:
    if not isinstance(value, Value) or value.type != JSON:
        said = f"`{path.text}`: {value.described()} has no members"
        unit.problem(source, path.position, said, length=len(path.text))
        return None
    code = unit.writer.once(f"member({value.code}, {step.name!r})")
    return replace(value, code=code, where=where_plus(value.where, f".{step.name}"))
