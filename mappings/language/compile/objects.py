"""Objects and lists: the structure of a template to straight lines, pruned from below while it is built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mappings.language.compile import conditions, convert, expressions, paths, templates
from mappings.language.compile.scope import Let, Scope
from mappings.language.compile.sinks import Built, Piece, Sink
from mappings.language.compile.unit import Unit, read_expression, where_plus
from mappings.language.compile.values import (
    ID,
    JSON,
    NOTHING,
    REFERENCE,
    Many,
    Own,
    References,
    Segments,
    Target,
    Value,
    constant,
)
from mappings.language.expressions import Field, Literal, Member, Path
from mappings.language.fhir.model import Element, TypeModel, is_resource, type_model
from mappings.language.nodes import Entry, Mapping, Node, Scalar
from mappings.language.nodes import Sequence as NodeSequence
from mappings.language.problems import Place, did_you_mean

DIRECTIVES = frozenset(["if", "each", "cases", "switch", "template", "chain", "let", "then", "always", "else", "takes"])


def pieces_of(node: Mapping, scope: Scope) -> list[Piece]:
    return [(entry, scope) for entry in node]


def build(
    unit: Unit, pieces: list[Piece], kind: str, to: str, place: Place, *, resource: bool = False, whole: bool = True
) -> Built | None:
    """Writes an object of the FHIR type `kind`. None, with a problem added, when the type is not known. Not `whole`:
    only elements to lay over another object, so that required ones may be missing."""
    model = type_model(kind)
    if model is None:
        unit.wrong(place, f"FHIR has no type `{kind}`")
        return None
    owner, live = unit.writer.name("o"), unit.writer.name("h")
    constants = _constants(unit, pieces, model, to)
    if not whole:
        constants.remove("'id': ''")
    unit.line(f"{owner} = {{{', '.join(constants)}}}")
    always = any(entry.key.text == "always" for entry, _ in pieces)
    unit.line(f"{live} = {always}")
    built = Built(owner, live, Own.SOURCE if always else Own.CONSTANT)
    sinks: dict[str, Sink] = {}
    lists = _lists(unit, pieces, model)
    for position, (entry, scope) in enumerate(pieces):
        name = _element_name(entry)
        if name in DIRECTIVES or name == "resourceType" or (name == "id" and resource):
            continue
        if _is_plain_constant(entry, model):
            continue
        with unit.writer.at(entry.key.place):
            sink = sinks.get(name) or _sink(unit, entry, model, owner, live, to, resource, lists)
            if sink is None:
                continue
            sinks[name] = sink
            if sink.held and name in lists and lists[name][0] == position:
                unit.line(f"{sink.held} = []")
            put(unit, sink, entry.value, scope, entry.key.place)
            if sink.held and lists[name][1] == position:
                unit.line(f"if {sink.held}: {owner}[{name!r}] = {sink.held}")
            built.own = max(built.own, sink.own)
    if whole:
        _required(unit, pieces, model, sinks, built, place, to)
    return built


def _element_name(entry: Entry) -> str:
    """`extension` of `extension:ethnicCategory`."""
    return entry.key.text.partition(":")[0]


def _lists(unit: Unit, pieces: list[Piece], model: TypeModel) -> dict[str, tuple[int, int, str]]:
    """First and last position of each list element, and the local that collects it."""
    found: dict[str, tuple[int, int, str]] = {}
    for position, (entry, _) in enumerate(pieces):
        name = _element_name(entry)
        element = model.elements.get(name)
        if element is not None and element.many:
            first, _, local = found.get(name) or (position, position, unit.writer.name("l"))
            found[name] = (first, position, local)
    return found


def _is_plain_constant(entry: Entry, model: TypeModel) -> bool:
    element = model.elements.get(entry.key.text)
    return isinstance(entry.value, Scalar) and entry.value.quoted and element is not None and not element.many


def _constants(unit: Unit, pieces: list[Piece], model: TypeModel, to: str) -> list[str]:
    """The quoted texts of single elements, which need no line of their own."""
    found = [f"'resourceType': {model.name!r}", "'id': ''"] if is_resource(model.name) else []
    for entry, _ in pieces:
        element = model.elements.get(entry.key.text)
        if element is None or not isinstance(entry.value, Scalar) or not _is_plain_constant(entry, model):
            continue
        if entry.key.text in ("id", "resourceType"):
            continue
        target = target_of(element, f"{model.name}.{element.name}", to)
        value = convert.to_target(unit, entry.value, 0, constant(entry.value.text), target)
        if value is not None:
            found.append(f"{element.name!r}: {value.code}")
    return found


def target_of(element: Element, name: str, to: str) -> Target:
    return Target(
        (element.type,), name, element.codes, element.targets, element.many, where_plus(to, f".{element.name}")
    )


def _sink(
    unit: Unit,
    entry: Entry,
    model: TypeModel,
    owner: str,
    live: str,
    to: str,
    resource: bool,
    lists: dict[str, tuple[int, int, str]],
) -> Sink | None:
    name = _element_name(entry)
    if name.endswith("[x]"):
        choice = model.choices.get(name[:-3])
        if choice is not None:
            types = tuple(element.type for element in choice)
            targets = tuple(t for element in choice for t in element.targets)
            wanted = Target(types, f"{model.name}.{name}", (), targets, False, where_plus(to, f".{name[:-3]}"))
            return Sink(owner, wanted, live, resource, choice=name[:-3])
    element = model.elements.get(name)
    if element is None:
        advice = did_you_mean(name, [*model.suggestions(), *DIRECTIVES])
        if name in model.choices:
            advice = f"write `{name}[x]`, or one of {', '.join(e.name for e in model.choices[name])}"
        unit.wrong(entry.key.place, f"{model.name} has no element `{name}`", advice)
        return None
    held = lists[name][2] if element.many else ""
    if ":" in entry.key.text and not element.many:
        unit.wrong(entry.key.place, f"{model.name}.{name} is single, so it has no named items", f"write `{name}:`")
    target = target_of(element, f"{model.name}.{name}", to)
    return Sink(owner, target, live, resource, held=held, name=name)


def _required(
    unit: Unit, pieces: list[Piece], model: TypeModel, sinks: dict[str, Sink], built: Built, place: Place, to: str
) -> None:
    given = {_element_name(entry) for entry, _ in pieces}
    for element in model.elements.values():
        if not element.required:
            continue
        if element.choice:
            names = {e.name for e in model.choices[element.choice]} | {f"{element.choice}[x]"}
            if not names & given:
                unit.wrong(place, f"{model.name}.{element.choice}[x] is required", f"add `{element.choice}[x]:`")
            continue
        if element.name not in given:
            unit.wrong(place, f"{model.name}.{element.name} is required", f"add `{element.name}:`")
            continue
        sink = sinks.get(element.name)
        if sink is not None and built.own is not Own.CONSTANT:
            path = where_plus(to, f".{element.name}")
            unit.line(f"if {built.live} and {element.name!r} not in {built.code}: S.missing({sink.where}, {path})")


# values of all kinds


def put(unit: Unit, sink: Sink, node: Node, scope: Scope, place: Place) -> None:
    """Writes a value of any kind into a sink."""
    if isinstance(node, NodeSequence):
        if not sink.held:
            said = f"{sink.target.name} is single, and this is a list"
            unit.wrong(node.place, said, "write the one value without `-`")
            return
        for item in node.items:
            put(unit, sink, item, scope, item.place)
    elif isinstance(node, Scalar):
        with unit.writer.at(node.place):
            put_scalar(unit, sink, node, scope)
    else:
        with unit.writer.at(place):
            put_mapping(unit, sink, node, scope, place)


def put_scalar(unit: Unit, sink: Sink, node: Scalar, scope: Scope) -> None:
    if node.quoted:
        value = convert.to_target(unit, node, 0, constant(node.text), sink.target)
        if value is not None:
            sink.put(unit, value.code, value.type, Own.CONSTANT)
        return
    tree = read_expression(unit, node)
    if tree is None:
        return
    found = expressions.value(unit, node, tree, scope, sink.target)
    if found is None:
        return
    if isinstance(found, References):
        found = paths.every(found)
    if isinstance(found, Segments):
        unit.problem(node, 0, f"{sink.target.name} cannot be {found.described()}", "name a field: `PV1-3`")
    elif isinstance(found, Many):
        put_many(unit, sink, node, found)
    else:
        position = tree.position if isinstance(tree, (Path, Literal)) else 0
        put_value(unit, sink, node, position, found)


def put_value(unit: Unit, sink: Sink, node: Scalar, position: int, found: Value) -> None:
    if sink.plain:
        return _put_identity(unit, sink, node, found)
    if found.raw and not found.composite:
        found = paths.as_text(unit, found) or found
    if found.raw:
        return _put_composite(unit, sink, node, position, found)
    value = convert.to_target(unit, node, position, found, sink.target)
    if value is None or value.type == NOTHING:
        return None
    if value.literal is not None:
        return sink.put(unit, value.code, value.type, Own.CONSTANT)
    guard = value.code
    if value.type == REFERENCE:
        guard = unit.writer.once(value.code)
        value = replace(value, code=f"{{'reference': {guard}}}", type="Reference")
    if value.types:
        with unit.writer.block(f"if {value.code} is not None and {value.code} is not NULL:"):
            unit.line(f"{sink.owner}[{sink.choice!r} + capital({value.code}[0])] = {value.code}[1]")
            unit.line(f"{sink.live} = True")
            sink.own = Own.SOURCE
            unit.note_used([value])
        return None
    with unit.writer.block(f"if {guard} is not None:"):
        if value.null:
            with unit.writer.block(f"if {guard} is NULL:"):
                unit.line(f"S.deleted.append({sink.target.to})")
            with unit.writer.block("else:"):
                sink.put(unit, value.code, value.type, value.own, [value])
        else:
            sink.put(unit, value.code, value.type, value.own, [value])
    return None


def _put_identity(unit: Unit, sink: Sink, node: Scalar, found: Value) -> None:
    if found.type not in (ID, NOTHING):
        advice = "identity(value, authority?), national(system, value) or within(reference, role, code…)"
        unit.wrong(node.place, "this makes no id", advice)
        return
    unit.line(f"{sink.owner} = {found.code}")
    unit.line(f"{sink.owner}_at = {found.where}")


def _put_composite(unit: Unit, sink: Sink, node: Scalar, position: int, found: Value) -> None:
    """A composite: null is a deletion, else its template runs."""
    with unit.writer.block(f"if {found.code} == RAW_NULL:"):
        unit.line(f"S.deleted.append({sink.target.to})")
    with unit.writer.block(f"elif {found.code}:"):
        value = convert.to_target(unit, node, position, found, sink.target)
        if value is None or value.type == NOTHING:
            return
        guard = value.code
        if value.type == REFERENCE:
            value = replace(value, code=f"{{'reference': {guard}}}", type="Reference")
        with unit.writer.block(f"if {guard} is not None and {guard} is not NULL:"):
            noted = [] if value.type not in convert.SIMPLE else [value]
            sink.put(unit, value.code, value.type, Own.SOURCE, noted)
            if sink.where == "''":
                sink.where = found.where


def put_many(unit: Unit, sink: Sink, node: Scalar, found: Many) -> None:
    if not sink.held:
        said = f"{sink.target.name} is single, and `{node.text}` may have several values"
        advice = "choose one with `[1]`, put them into another element with `each:`, or into a list element"
        unit.wrong(node.place, said, advice)
        return
    head, number, raw = paths.each_of(unit, found)
    with unit.writer.block(head):
        item = paths.items_of(unit, found, number, raw)
        if item is not None:
            put_value(unit, sink, node, 0, item)


def put_mapping(unit: Unit, sink: Sink, node: Mapping, scope: Scope, place: Place) -> None:
    """An object, or one of the directives that stand for it."""
    for entry in node:
        if entry.key.text in ("each", "if", "let"):
            rest = Mapping(tuple(e for e in node if e is not entry), node.place)
            if entry.key.text == "each" and "chain" not in node.names():
                return _each(unit, sink, entry, rest, scope, place)
            if entry.key.text == "if":
                return _if(unit, sink, entry, rest, scope, place)
            if entry.key.text == "let":
                return put_mapping(unit, sink, rest, let(unit, entry, scope), place)
    for entry in node:
        if entry.key.text == "then":
            return put(unit, sink, entry.value, scope, entry.key.place)
        if entry.key.text == "cases":
            return _cases(unit, sink, entry, scope)
        if entry.key.text == "switch":
            return _switch(unit, sink, node, entry, scope)
    if "template" in node.names():
        return templates.put_template(unit, sink, node, scope, place)
    return put_object(unit, sink, pieces_of(node, scope), place)


def put_object(unit: Unit, sink: Sink, pieces: list[Piece], place: Place) -> None:
    if sink.choice:
        names = ", ".join(f"{sink.choice}{t[0].upper()}{t[1:]}" for t in sink.target.types)
        unit.wrong(place, f"{sink.target.name} may be of several types", f"write one of {names}")
        return
    kind = sink.target.types[0]
    if kind in convert.SIMPLE:
        unit.wrong(
            place, f"{sink.target.name} is {kind}, and this is an object", "write the value, or `then:` beside `if:`"
        )
        return
    if kind == "Resource":
        unit.wrong(
            place, "resources cannot stand inside others", "name it under `resources:` and refer to it: `ref(name)`"
        )
        return
    built = build(unit, pieces, kind, sink.target.to, place)
    if built is None:
        return
    if built.own is Own.CONSTANT:
        with unit.writer.block(f"if {built.code}:"):
            sink.put(unit, built.code, kind, Own.CONSTANT)
        return
    with unit.writer.block(f"if {built.live}:"):
        sink.put(unit, built.code, kind, built.own)


def let(unit: Unit, entry: Entry, scope: Scope) -> Scope:
    inner = scope.inner()
    if not isinstance(entry.value, Mapping):
        unit.wrong(entry.value.place, "`let` holds names with their expressions", "let:\n  system: CX.4 ?? CX.6")
        return inner
    for item in entry.value:
        if not isinstance(item.value, Scalar):
            unit.wrong(item.value.place, f"`{item.key.text}` needs an expression")
            continue
        tree = Literal(item.value.text, "text", 0) if item.value.quoted else read_expression(unit, item.value)
        if tree is not None:
            inner.names[item.key.text] = Let(item.value, tree, scope)
    return inner


def _if(unit: Unit, sink: Sink, entry: Entry, rest: Mapping, scope: Scope, place: Place) -> None:
    with unit.writer.at(entry.key.place):
        condition = condition_of(unit, entry.value, scope)
    with unit.writer.block(f"if {condition}:"):
        put_mapping(unit, sink, rest, scope, place)


def condition_of(unit: Unit, node: Node, scope: Scope) -> str:
    """Code for the value of an `if:`."""
    if not isinstance(node, Scalar) or node.quoted:
        unit.wrong(node.place, "`if` needs a condition without quotes")
        return "False"
    tree = read_expression(unit, node)
    return conditions.condition(unit, node, tree, scope) if tree is not None else "False"


def _cases(unit: Unit, sink: Sink, entry: Entry, scope: Scope) -> None:
    if not isinstance(entry.value, Mapping):
        unit.wrong(entry.value.place, "`cases` holds named cases", 'nhs:\n  if: .4 = "NHS"')
        return
    seen: dict[str, str] = {}
    depth = 0
    for position, case in enumerate(entry.value):
        last = position == len(entry.value.entries) - 1
        if not isinstance(case.value, Mapping):
            unit.wrong(case.value.place, "a case is an object with `if:` or `else: true`")
            continue
        test = case.value.get("if")
        rest = Mapping(tuple(e for e in case.value if e.key.text not in ("if", "else")), case.value.place)
        if test is None:
            if case.value.get("else") is None:
                unit.wrong(case.key.place, f"the case `{case.key.text}` says neither `if:` nor `else: true`")
            if not last:
                unit.wrong(case.key.place, "cases after this one are never reached", "`else: true` stands last")
            put_mapping(unit, sink, rest, scope, case.key.place)
            break
        if not isinstance(test, Scalar):
            continue
        if test.text in seen:
            unit.wrong(test.place, f"this case is never reached: `{seen[test.text]}` has the same condition")
        seen[test.text] = case.key.text
        tree = read_expression(unit, test)
        if tree is None:
            continue
        if isinstance(tree, Literal) and tree.text == "true" and not last:
            unit.wrong(test.place, "cases after this one are never reached", "`else: true` stands last")
        with unit.writer.at(case.key.place):
            condition = conditions.condition(unit, test, tree, scope)
            with unit.writer.block(f"if {condition}:"):
                put_mapping(unit, sink, rest, scope, case.key.place)
            if not last:
                unit.line("else:")
                unit.writer.depth += 1
                unit.writer.known.append({})
                unit.line("pass")
                depth += 1
    for _ in range(depth):
        unit.writer.depth -= 1
        unit.writer.known.pop()


def _switch(unit: Unit, sink: Sink, node: Mapping, entry: Entry, scope: Scope) -> None:
    tree = read_expression(unit, entry.value) if isinstance(entry.value, Scalar) else None
    if tree is None or not isinstance(entry.value, Scalar):
        return
    found = expressions.value(unit, entry.value, tree, scope, None)
    text = expressions.settle(unit, entry.value, 0, found, None) if isinstance(found, Value) else None
    if text is None:
        if found is not None:
            unit.wrong(entry.value.place, "`switch` needs one text to choose by")
        return
    code = f"text_of_json({text.code})" if text.type == JSON else text.code
    local = unit.writer.once(code)
    seen: dict[str, int] = {}
    word = "if"
    otherwise: Entry | None = None
    for case in node:
        if case is entry:
            continue
        if case.key.text == "else":
            otherwise = case
            continue
        literals = [case.key.text] if case.key.quoted else case.key.text.split()
        for literal in literals:
            if literal in seen:
                unit.wrong(case.key.place, f"`{literal}` is never reached: line {seen[literal]} has it already")
            seen[literal] = case.key.place.line
        with unit.writer.block(f"{word} {local} in ({', '.join(map(repr, literals))},):"):
            put(unit, sink, case.value, scope, case.key.place)
        word = "elif"
    if otherwise is None:
        advice = "add `else:`, or what should happen with any other value"
        unit.wrong(entry.key.place, "`switch` has no `else`", advice)
    elif word == "if":
        unit.wrong(entry.key.place, "`switch` has no case besides `else`")
    else:
        with unit.writer.block("else:"):
            put(unit, sink, otherwise.value, scope, otherwise.key.place)


def _each(unit: Unit, sink: Sink, entry: Entry, rest: Mapping, scope: Scope, place: Place) -> None:
    if not sink.held:
        advice = "leave `each` out and choose one with `[1]`"
        unit.wrong(entry.key.place, f"{sink.target.name} is single, so it cannot take one item of each", advice)
        return
    with loop(unit, entry, scope) as inner:
        if inner is not None:
            put_mapping(unit, sink, rest, inner, place)


@contextmanager
def loop(unit: Unit, entry: Entry, scope: Scope, counter: str = "") -> Iterator[Scope | None]:
    """Opens the loop of an `each:`, and gives the scope inside it; None, with a problem added, when it cannot loop."""
    node = entry.value
    tree = None
    if isinstance(node, Scalar) and not node.quoted:
        word = node.text.removeprefix("group ").strip()
        source = replace(node, text=word)
        tree = read_expression(unit, source)
    if not isinstance(tree, Path) or not isinstance(node, Scalar):
        unit.wrong(node.place, "`each` goes through a repeating field, a segment or a list", "each: PID-3")
        yield None
        return
    found = paths.resolve(unit, source, tree, scope)
    if isinstance(found, References):
        found = paths.every(found)
    inner = scope.inner()
    with unit.writer.at(entry.key.place):
        if isinstance(found, Segments):
            number, local = unit.writer.name("i"), unit.writer.name("g")
            with unit.writer.block(f"for {number}, {local} in enumerate({found.code}, 1):"):
                one = unit.writer.name("a")
                unit.line(f"{one} = ({local},)")
                where = unit.writer.name("w")
                unit.line(f"{where} = rep({found.where}, {number})")
                inner.names[found.name] = Segments(found.name, one, where, loop=local)
                if counter:
                    unit.line(f"{counter} = {local}.index")
                yield inner
        elif isinstance(found, (Many, Value)) and not (isinstance(found, Value) and found.type == NOTHING):
            with _over_values(unit, found, counter) as item:
                if item is not None:
                    _bind(tree, item, inner)
                yield inner if item is not None else None
        else:
            with unit.writer.block("for _ in ():"):
                yield None


@contextmanager
def _over_values(unit: Unit, found: Many | Value, counter: str) -> Iterator[Value | None]:
    if isinstance(found, Value):
        many = Many(
            f"items({found.code})" if found.type == JSON else f"present_only({found.code})", found, numbered=False
        )
    else:
        many = found
    if not many.numbered and counter:
        many = replace(many, code=f"enumerate({many.code}, 1)")
        number, raw = unit.writer.name("i"), unit.writer.name("r")
        with unit.writer.block(f"for {number}, {raw} in {many.code}:"):
            unit.line(f"{counter} = {number}")
            yield replace(many.item, code=raw)
        return
    head, number, raw = paths.each_of(unit, many)
    with unit.writer.block(head):
        if counter:
            unit.line(f"{counter} = {number}")
        item = paths.items_of(unit, many, number, raw)
        if item is not None and many.numbered:
            where = unit.writer.name("w")
            unit.line(f"{where} = {item.where}")
            item = replace(item, where=where)
        yield item


def _bind(tree: Path, item: Value, inner: Scope) -> None:
    """Inside, the same path means this one."""
    inner.here = item
    first = tree.steps[0] if tree.steps else None
    if isinstance(first, Field):
        inner.fields[tree.root, first.number] = item
        return
    names = [tree.root, *(step.name for step in tree.steps if isinstance(step, Member))]
    inner.names["." + ".".join(names)] = item
    if len(names) == 1:
        inner.names[tree.root] = item
