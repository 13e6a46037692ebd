"""Calls of functions and templates."""

from __future__ import annotations

from mappings.language.compile import bindings, components, expressions, identities, paths, repetitions, using
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import (
    ID,
    JSON,
    NOTHING,
    REFERENCE,
    TEXT,
    Any,
    Many,
    Own,
    References,
    Target,
    Value,
)
from mappings.language.expressions import Call, Path
from mappings.language.functions import REGISTRY, Function
from mappings.language.nodes import Scalar
from mappings.language.problems import did_you_mean

_SPECIAL = ("code", "identity", "national", "within", "distinct", "ref", "only", "first", "present", "null", "any")


def call(unit: Unit, source: Scalar, tree: Call, scope: Scope, target: Target | None) -> Any | None:
    match tree.name:
        case "code":
            return _code(unit, source, tree, scope, target)
        case "ref":
            return _ref(unit, source, tree, scope)
        case "only":
            return _only(unit, source, tree, scope)
        case "first":
            return _first(unit, source, tree, scope)
        case "distinct":
            return identities.distinct(unit, source, tree, scope, target)
        case "identity" | "national" | "within":
            return identities.made_of(unit, source, tree, scope, target)
    if tree.name in REGISTRY:
        return _function(unit, source, tree, REGISTRY[tree.name], scope)
    if tree.name in unit.shared.templates:
        return using.call(unit, source, tree, scope, target)
    known = [*REGISTRY, *_SPECIAL, *unit.shared.templates]
    advice = did_you_mean(tree.name, known) or f"functions are: {', '.join(sorted({*REGISTRY, *_SPECIAL}))}"
    unit.problem(source, tree.position, f"there is no function or template `{tree.name}`", advice, len(tree.name))
    return None


def _function(unit: Unit, source: Scalar, tree: Call, function: Function, scope: Scope) -> Any | None:
    values: list[Any | None] = []
    for argument in tree.arguments:
        found = expressions.value(unit, source, argument, scope, None)
        if found is None:
            return None
        values.append(found)
    needed = sum(not p.endswith(("?", "*")) for p in function.parameters)
    most = len(function.parameters) if not function.parameters[-1].endswith("*") else 99
    if not needed <= len(values) <= most:
        unit.problem(source, tree.position, f"`{function.signature()}` has {len(values)} values here", function.says)
        return None
    first = values[0] if values else None
    if isinstance(first, Many) and not function.parameters[0].endswith("[*]"):
        return _on_each(unit, source, tree, function, first, values[1:])
    codes: list[str] = []
    guards: list[str] = []
    wheres: list[Value] = []
    for position, found in enumerate(values):
        name = function.parameters[min(position, len(function.parameters) - 1)]
        code = _argument(unit, source, tree, found, name)
        if code is None:
            return None
        if name.endswith(("?", "*")) and isinstance(found, Value) and (found.raw or found.null):
            code = unit.writer.once(f"None if {code} is NULL else {code}")
        codes.append(code)
        if not name.endswith(("?", "*")) and not name.endswith("[*]") and not _is_constant(found):
            guards.append(code)
        if isinstance(found, (Value, Many)):
            wheres.append(found.item if isinstance(found, Many) else found)
    return _run(unit, function, codes, guards, wheres)


def _is_constant(found: Any | None) -> bool:
    return isinstance(found, Value) and found.literal is not None


def _run(unit: Unit, function: Function, codes: list[str], guards: list[str], values: list[Value]) -> Value:
    where = next((v.where for v in values if v.where != "''"), "''")
    own = max((v.own for v in values), default=Own.CONSTANT) if function.counts else Own.CONSTANT
    result = unit.writer.name("v")
    run = f"f_{function.name}(S, {where}{''.join(f', {code}' for code in codes)})"
    if guards:
        nothing = " or ".join(f"{code} is None or {code} is NULL" for code in guards)
        unit.line(
            f"{result} = {guards[0]} if {nothing} else {run}"
            if len(guards) == 1
            else f"{result} = None if {nothing} else {run}"
        )
    else:
        unit.line(f"{result} = {run}")
    kind = function.results[0]
    types = function.results if len(function.results) > 1 else ()
    others = tuple(w for v in values for w in (v.where, *v.others) if w not in ("''", where))
    return Value(result, kind, own=own, where=where, null=len(guards) == 1, types=types, others=others)


def _argument(unit: Unit, source: Scalar, tree: Call, found: Any | None, name: str) -> str | None:
    """Code for one argument, as text; a function that names an HL7 type takes the composite raw."""
    if isinstance(found, Value) and found.type == NOTHING:
        return "None"
    if name.endswith("[*]"):
        return _texts(unit, source, tree, found, as_they_stand=name.isupper())
    if isinstance(found, Many):
        advice = "choose one with `[1]`"
        unit.problem(source, tree.position, f"`{tree.name}` takes one value here, and there are several", advice)
        return None
    if not isinstance(found, Value) or found.type in (REFERENCE, ID):
        said = f"`{tree.name}` takes texts, not {found.described() if found else 'nothing'}"
        unit.problem(source, tree.position, said, length=len(tree.name))
        return None
    if name.isupper() and found.raw:
        return unit.writer.once(f"raw_of({found.code})")
    if found.type == JSON:
        return unit.writer.once(f"text_of_json({found.code})")
    text = components.as_text(unit, found)
    if text is None:
        said = f"HL7 {found.composite} is composite, and `{tree.name}` takes text"
        unit.problem(source, tree.position, said, "name the component: `PID-5.1`", len(tree.name))
        return None
    return text.code


def _texts(unit: Unit, source: Scalar, tree: Call, found: Any | None, *, as_they_stand: bool) -> str | None:
    """A local with all values of a repeating field, as text or as they stand."""
    held = unit.writer.name("l")
    if as_they_stand and isinstance(found, Many):
        return _raws(unit, found, held)
    if isinstance(found, Value):
        code = _argument(unit, source, tree, found, "text")
        if code is not None:
            unit.line(f"{held} = [] if {code} is None or {code} is NULL else [{code}]")
        return held
    if not isinstance(found, Many):
        return None
    unit.line(f"{held} = []")
    head, number, raw = repetitions.each_of(unit, found)
    with unit.writer.block(head):
        item = repetitions.items_of(unit, found, number, raw)
        code = _argument(unit, source, tree, item, "text") if item is not None else None
        if code is not None:
            with unit.writer.block(f"if {code} is not None and {code} is not NULL:"):
                unit.line(f"{held}.append({code})")
                unit.note_used([item] if item else [])
    return held


def _raws(unit: Unit, found: Many, held: str) -> str:
    unit.line(f"{held} = []")
    head, number, each = repetitions.each_of(unit, found)
    with unit.writer.block(head):
        item = repetitions.items_of(unit, found, number, each)
        if item is not None:
            unit.line(f"{held}.append({item.code})")
            unit.note_used([item])
    return held


def _on_each(
    unit: Unit, source: Scalar, tree: Call, function: Function, many: Many, others: list[Any | None]
) -> Many | None:
    held = unit.writer.name("l")
    unit.line(f"{held} = []")
    head, number, raw = repetitions.each_of(unit, many)
    with unit.writer.block(head):
        item = repetitions.items_of(unit, many, number, raw)
        if item is None:
            return None
        codes: list[str] = []
        for position, found in enumerate([item, *others]):
            name = function.parameters[min(position, len(function.parameters) - 1)]
            code = _argument(unit, source, tree, found, name)
            if code is None:
                return None
            codes.append(code)
        result = _run(unit, function, codes, codes[:1], [item])
        with unit.writer.block(f"if {result.code} is not None and {result.code} is not NULL:"):
            unit.line(f"{held}.append({result.code})")
            unit.note_used([item])
    return repetitions.gathered(held, result, many)


def _code(unit: Unit, source: Scalar, tree: Call, scope: Scope, target: Target | None) -> Any | None:
    if len(tree.arguments) != 2 or not isinstance(tree.arguments[1], Path) or tree.arguments[1].steps:
        unit.problem(
            source, tree.position, "`code` takes the name of a code list", "PID-8 | code(administrative-gender)"
        )
        return None
    name = tree.arguments[1]
    codes = unit.shared.codes.get(name.root)
    if codes is None:
        near = did_you_mean(name.root, unit.shared.codes)
        advice = near or f"`carehub packs new-codes {source.place.file.partition('/')[0]} {name.root}` begins one"
        said = f"there is no code list `{name.root}`: no layer has codes/{name.root}.csv"
        unit.problem(source, name.position, said, advice, len(name.root))
        return None
    unit.shared.used_codes.add(name.root)
    found = expressions.value(unit, source, tree.arguments[0], scope, None)
    if found is None:
        return None
    kind = bindings.code_kind(codes, target)
    if kind == "code" and target is not None and target.codes:
        bindings.check_codes(unit, source, tree.position, codes, target)
    run = {"boolean": "as_boolean", "Coding": "as_coding", "CodeableConcept": "as_concept"}.get(kind, "as_code")
    if isinstance(found, Many):
        return _code_of_each(unit, source, tree, found, name.root, run, kind)
    return _code_of(unit, source, tree, found, name.root, run, kind)


def _code_of(unit: Unit, source: Scalar, tree: Call, found: Any, name: str, run: str, kind: str) -> Value | None:
    if isinstance(found, Value) and found.type == NOTHING:
        return found
    if isinstance(found, Value) and not found.raw and found.type not in (TEXT, JSON, "string", "code"):
        unit.problem(source, tree.position, f"`code` takes text, not {found.described()}")
        return None
    text = _argument(unit, source, tree, found, "text")
    if text is None or not isinstance(found, Value):
        return None
    result = unit.writer.name("v")
    raw = found.code if found.raw else "''"
    look = f"{run}(S, {found.where}, K[{name!r}], {text}, {raw})"
    if found.literal is not None:
        unit.line(f"{result} = {look}")
    else:
        unit.line(f"{result} = {text} if {text} is None or {text} is NULL else {look}")
    own = found.own
    return Value(result, kind, own=own, where=found.where, null=found.literal is None)


def _code_of_each(unit: Unit, source: Scalar, tree: Call, many: Many, name: str, run: str, kind: str) -> Many | None:
    held = unit.writer.name("l")
    unit.line(f"{held} = []")
    head, number, raw = repetitions.each_of(unit, many)
    with unit.writer.block(head):
        item = repetitions.items_of(unit, many, number, raw)
        result = _code_of(unit, source, tree, item, name, run, kind) if item is not None else None
        if result is None or item is None:
            return None
        with unit.writer.block(f"if {result.code} is not None and {result.code} is not NULL:"):
            unit.line(f"{held}.append({result.code})")
            unit.note_used([item])
    return repetitions.gathered(held, result, many)


def _ref(unit: Unit, source: Scalar, tree: Call, scope: Scope) -> Any | None:
    name = tree.arguments[0] if len(tree.arguments) == 1 else None
    if not isinstance(name, Path) or name.steps:
        unit.problem(source, tree.position, "`ref` takes the name of a resource of the message", "ref(patient)")
        return None
    found = scope.name(f"ref({name.root})")
    if found is None or not isinstance(found, (Value, References)):
        known = [n[4:-1] for n in scope.all_names() if n.startswith("ref(")]
        advice = did_you_mean(name.root, known)
        advice = advice or (f"there are: {', '.join(known)}" if known else "`ref` stands in message files; pass it on")
        unit.problem(source, name.position, f"the message makes no resource `{name.root}`", advice, len(name.root))
        return None
    return paths.at_loop(found, scope) if isinstance(found, References) else found


def _only(unit: Unit, source: Scalar, tree: Call, scope: Scope) -> Value | None:
    """`only(ref(specimen))` in a group: the one that was made in the group around it."""
    found = _made_by_each(tree, scope)
    innermost = next(reversed(scope.groups.values()), None)
    if found is None or innermost is None:
        said = "`only` stands inside a group, and takes the reference to what an `each` makes"
        unit.problem(source, tree.position, said, "only(ref(specimen))", len(tree.name))
        return None
    code = unit.writer.once(f"only_of({found.code}, {innermost.loop}.above)")
    return Value(code, REFERENCE, own=Own.REFERENCE, target=found.target)


def _first(unit: Unit, source: Scalar, tree: Call, scope: Scope) -> Value | None:
    """`first(ref(referrer))`: of what an `each` makes, what it made first."""
    found = _made_by_each(tree, scope)
    if found is None:
        said = "`first` takes the reference to what an `each` makes"
        unit.problem(source, tree.position, said, "first(ref(referrer))", len(tree.name))
        return None
    code = unit.writer.once(f"first_of({found.code})")
    return Value(code, REFERENCE, own=Own.REFERENCE, target=found.target)


def _made_by_each(tree: Call, scope: Scope) -> References | None:
    inner = tree.arguments[0] if len(tree.arguments) == 1 else None
    name = inner.arguments[0] if isinstance(inner, Call) and inner.name == "ref" and inner.arguments else None
    found = scope.name(f"ref({name.root})") if isinstance(name, Path) else None
    return found if isinstance(found, References) else None
