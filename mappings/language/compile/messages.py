"""Message files: ids first, then bodies, then what the event is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from contract.event import is_event_type
from mappings.language.compile import conditions, expressions, objects, templates
from mappings.language.compile.scope import Scope
from mappings.language.compile.sinks import Piece
from mappings.language.compile.unit import Shared, Unit, read_expression
from mappings.language.compile.values import (
    ID,
    NOTHING_VALUE,
    REFERENCE,
    Many,
    Own,
    References,
    Segments,
    Target,
    Value,
)
from mappings.language.compile.writer import Writer
from mappings.language.expressions import (
    Call,
    Compare,
    Expression,
    Fallback,
    Logic,
    Not,
    Path,
)
from mappings.language.fhir.model import is_resource
from mappings.language.nodes import Entry, Mapping, Node, Scalar, Sequence
from mappings.language.problems import Place, did_you_mean
from mappings.stages import Format

KEYS = frozenset(
    [
        "message",
        "events",
        "event",
        "happened",
        "groups",
        "each",
        "person",
        "prior",
        "focus",
        "resources",
        "parents",
        "remember",
        "snapshot",
        "pass",
        "addressed",
    ]
)


@dataclass(frozen=True, slots=True)
class MessageCode:
    """What a message file compiles to: names of its functions, and what needs no code.

    `events` maps triggers to event types; empty where `event:` decides. `starts` are segments that start the group of
    which each makes an event. `remember` maps ancestor names to resources.
    """

    message: str
    file: str
    function: str
    parents: str
    events: dict[str, str]
    starts: frozenset[str]
    remember: dict[str, str]
    snapshot: bool
    passes: bool


@dataclass(slots=True)
class Resource:
    """One name under `resources:`."""

    name: str
    place: Place
    kind: str = ""
    condition: Scalar | None = None
    each: Entry | None = None
    template: Scalar | None = None
    over: tuple[Entry, ...] = ()
    direct: Mapping | None = None
    parent: bool = False
    needs: set[str] = field(default_factory=set)


def compile_message(shared: Shared, file: str, document: Mapping, number: int) -> MessageCode | None:
    """Writes the functions of one message file; None, with problems added, when it cannot be used at all."""
    problems = shared.problems
    for entry in document:
        if entry.key.text not in KEYS:
            advice = did_you_mean(entry.key.text, KEYS) or f"there are: {', '.join(sorted(KEYS))}"
            problems.add(entry.key.place, f"a message file has no `{entry.key.text}`", advice)
    message = _text(document.get("message"))
    if not message:
        problems.add(document.place, "the message file says not which message it is for", "message: ADT")
        return None
    parents = _parent_names(document)
    head = f"def M{number}(S, M):"
    unit = Unit(shared, Writer(head, document.place), shared.remembered | parents, message)
    passes = document.get("pass") is not None
    scope = _scope(shared, document, message)
    events = _events(unit, document)
    _event(unit, document, scope)
    resources = {} if passes else _resources(unit, document)
    for name in resources:
        scope.names[f"ref({name})"] = NOTHING_VALUE
    for name in _in_order(unit, resources):
        _identity(unit, resources[name], scope)
    for resource in resources.values():
        _body(unit, resource, scope)
    if passes:
        _laid_over_passed(unit, document, scope)
    _results(unit, document, resources, scope, passes=passes)
    _open_segments(unit, scope)
    shared.functions.append(unit.writer)
    remember = _remember(unit, document, resources)
    return MessageCode(
        message,
        file,
        f"M{number}",
        _parents(shared, document, message, number),
        events,
        _starts(unit, document),
        remember,
        _text(document.get("snapshot")) == "true",
        passes,
    )


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _scope(shared: Shared, document: Mapping, message: str) -> Scope:
    scope = Scope(message=message if shared.format in (Format.CSV, Format.JSON) else "")
    if shared.format is Format.HL7V2:
        for segment in shared.hl7.segments():
            scope.names[segment] = Segments(segment, f"s_{segment}", repr(segment))
    del document
    return scope


def _open_segments(unit: Unit, scope: Scope) -> None:
    if unit.shared.format is not Format.HL7V2:
        return
    used = sorted(name for name in scope.uses if isinstance(scope.names.get(name), Segments))
    opening = [(f"    s_{name} = M.all({name!r})", unit.writer.place) for name in used]
    marks = ["C = S.delimiters.component", "B = S.delimiters.subcomponent", "R = S.delimiters.repetition"]
    unit.writer.opening[:0] = [*((f"    {mark}", unit.writer.place) for mark in marks), *opening]


# events


def _events(unit: Unit, document: Mapping) -> dict[str, str]:
    node = document.get("events")
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        unit.wrong(node.place, "`events` maps trigger events to event types", "A01: patient-admitted-1")
        return {}
    for entry in node:
        _check_type(unit, entry.value)
    return {entry.key.text: _text(entry.value) for entry in node}


def _check_type(unit: Unit, node: Node) -> None:
    if not isinstance(node, Scalar) or not is_event_type(node.text):
        said = "an event type is noun-pastverb-number in lower case"
        unit.wrong(node.place, f"`{_text(node)}` is no event type", f"{said}: patient-admitted-1")


def _event(unit: Unit, document: Mapping, scope: Scope) -> None:
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
            unit.line(f"S.event = {_text(kind)!r}")
    with unit.writer.block("if not S.event:"):
        unit.line("return S.unsupported()")


def _starts(unit: Unit, document: Mapping) -> frozenset[str]:
    each = document.get("each")
    groups = document.get("groups")
    if each is None:
        return frozenset()
    name = _text(each).removeprefix("group ").strip()
    found = groups.get(name) if isinstance(groups, Mapping) else None
    if not isinstance(found, Sequence):
        known = groups.names() if isinstance(groups, Mapping) else ()
        unit.wrong(each.place, f"there is no group `{name}`", did_you_mean(name, known) or "groups:\n  PATIENT: [PID]")
        return frozenset()
    segments = unit.shared.hl7.segments()
    for item in found.items:
        if _text(item) not in segments:
            unit.wrong(item.place, f"there is no segment `{_text(item)}`", did_you_mean(_text(item), segments))
    return frozenset(_text(item) for item in found.items)


# resources


def _resources(unit: Unit, document: Mapping) -> dict[str, Resource]:
    node = document.get("resources")
    if not isinstance(node, Mapping):
        unit.wrong(document.place, "the message file makes no resources", "resources:\n  patient: Patient(PID)")
        return {}
    found: dict[str, Resource] = {}
    for entry in node:
        resource = _resource(unit, entry)
        if resource is not None:
            found[resource.name] = resource
    return found


def _resource(unit: Unit, entry: Entry) -> Resource | None:
    resource = Resource(entry.key.text, entry.key.place)
    node = entry.value
    if isinstance(node, Sequence):
        unit.wrong(node.place, "a resource is no list", "write `each:` for one per segment")
        return None
    if isinstance(node, Scalar):
        resource.template = node
    else:
        condition, template = node.get("if"), node.get("template")
        resource.condition = condition if isinstance(condition, Scalar) else None
        resource.each = node.entry("each")
        resource.template = template if isinstance(template, Scalar) else None
        resource.over = tuple(e for e in node if e.key.text not in ("if", "each", "template"))
    if resource.template is None:
        kind = node.get("resourceType") if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping) or not is_resource(_text(kind)):
            unit.wrong(entry.key.place, f"`{resource.name}` is made of nothing", "write `template: Patient(PID)`")
            return None
        resource.kind, resource.direct = _text(kind), node
        _needs(resource, node.get("id"), {})
        return resource
    return _by_template(unit, resource, resource.template)


def _by_template(unit: Unit, resource: Resource, source: Scalar) -> Resource | None:
    tree = read_expression(unit, source)
    if tree is None:
        return None
    if isinstance(tree, Path) and tree.root == "parent":
        resource.kind, resource.parent = "Patient", True
        return resource
    name = tree.name if isinstance(tree, Call) else tree.root if isinstance(tree, Path) else ""
    candidates = unit.shared.templates.get(name, [])
    if not candidates:
        advice = did_you_mean(name, unit.shared.templates) or f"add templates/{name or 'Name'}.yaml"
        unit.wrong(source.place, f"there is no template `{name or source.text}`", advice)
        return None
    template = candidates[0]
    if not template.resource:
        unit.wrong(source.place, f"{template.file} makes no resource", "its first lines say `resourceType:` and `id:`")
        return None
    resource.kind = template.makes
    arguments = tree.arguments if isinstance(tree, Call) else ()
    given = {p.name: a for p, a in zip(template.parameters, arguments, strict=False)}
    own = next((e.value for e in resource.over if e.key.text == "id"), None)
    _needs(resource, own or template.body.get("id"), {} if own else given)
    return resource


def _needs(resource: Resource, node: Node | None, given: dict[str, Expression]) -> None:
    """Which other resources' ids this id is made of."""
    if not isinstance(node, Scalar) or node.quoted:
        return
    from mappings.language.lexer import ExpressionError
    from mappings.language.parser import parse

    try:
        tree = parse(node.text)
    except ExpressionError:
        return
    for path in _walk(tree):
        if isinstance(path, Call) and path.name == "ref":
            resource.needs |= {p.root for p in path.arguments if isinstance(p, Path)}
        elif isinstance(path, Path) and path.root in given:
            for inner in _walk(given[path.root]):
                if isinstance(inner, Call) and inner.name == "ref":
                    resource.needs |= {p.root for p in inner.arguments if isinstance(p, Path)}


def _walk(tree: Expression) -> Iterator[Expression]:
    yield tree
    match tree:
        case Call():
            for argument in tree.arguments:
                yield from _walk(argument)
        case Fallback() | Compare() | Logic():
            yield from _walk(tree.left)
            yield from _walk(tree.right)
        case Not():
            yield from _walk(tree.inner)


def _in_order(unit: Unit, resources: dict[str, Resource]) -> list[str]:
    """Names so that every id comes after those it is made of."""
    ordered: list[str] = []
    waiting = dict(resources)
    while waiting:
        ready = [n for n, r in waiting.items() if not (r.needs & waiting.keys()) - ({n} if n in ordered else set())]
        if not ready:
            chain = " → ".join([*waiting, next(iter(waiting))])
            first = next(iter(waiting.values()))
            unit.wrong(first.place, f"these ids are made of one another: {chain}", "base one of them on an identifier")
            ready = list(waiting)
        for name in ready:
            ordered.append(name)
            del waiting[name]
    return ordered


def _identity(unit: Unit, resource: Resource, scope: Scope) -> None:
    """Phase one: the id, and the reference that others use."""
    name = resource.name
    safe = unit.writer.name("n")
    with unit.writer.at(resource.place):
        if resource.each is not None:
            segment = _loop_segment(resource, scope)
            unit.line(f"id_{safe} = {{}}")
            with objects.loop(unit, resource.each, scope, counter="k") as inner:
                if inner is not None:
                    code = _identity_code(unit, resource, inner)
                    unit.line(f"id_{safe}[k] = {code}")
            made = f"{{k: REFERENCE + v for k, v in id_{safe}.items() if v is not None}}"
            unit.line(f"ref_{safe} = {made}")
            scope.names[f"ref({name})"] = References(f"ref_{safe}", segment, resource.kind)
        else:
            code = _identity_code(unit, resource, scope)
            unit.line(f"id_{safe} = {code}")
            unit.line(f"ref_{safe} = None if id_{safe} is None else REFERENCE + id_{safe}")
            scope.names[f"ref({name})"] = Value(f"ref_{safe}", REFERENCE, own=Own.REFERENCE, target=resource.kind)
    scope.names[f"id({name})"] = Value(f"id_{safe}", ID)


def _loop_segment(resource: Resource, scope: Scope) -> str:
    node = resource.each.value if resource.each else None
    found = scope.name(_text(node)) if node is not None else None
    return found.name if isinstance(found, Segments) else ""


def _identity_code(unit: Unit, resource: Resource, scope: Scope) -> str:
    """A local that holds the id, None where the resource is not wanted or has none."""
    local = unit.writer.name("u")
    unit.line(f"{local} = None")
    condition = _condition(unit, resource, scope)
    with unit.writer.block(f"if {condition}:"):
        if resource.parent:
            unit.line(f"{local} = S.parent_patient_id()")
            return local
        found = _identity_value(unit, resource, scope)
        if found is not None:
            unit.line(f"{local} = {found.code}")
    return local


def _condition(unit: Unit, resource: Resource, scope: Scope) -> str:
    if resource.condition is None:
        return "True"
    tree = read_expression(unit, resource.condition)
    return conditions.condition(unit, resource.condition, tree, scope) if tree is not None else "False"


def _identity_value(unit: Unit, resource: Resource, scope: Scope) -> Value | None:
    own = Mapping(tuple(e for e in resource.over if e.key.text in ("id", "let")), resource.place)
    if resource.direct is not None:
        return templates.identity_in(unit, resource.direct, resource.kind, scope)
    if own.get("id") is not None:
        return templates.identity_in(unit, own, resource.kind, scope)
    if resource.template is None:
        return None
    found = templates.prepared(unit, resource.template, scope)
    return templates.identity_of(unit, *found) if found else None


def _body(unit: Unit, resource: Resource, scope: Scope) -> None:
    """Phase two: the resource itself."""
    identity = scope.names.get(f"id({resource.name})")
    if not isinstance(identity, Value):
        return
    with unit.writer.at(resource.place):
        if resource.each is None:
            _one_body(unit, resource, scope, identity.code)
            return
        with objects.loop(unit, resource.each, scope, counter="k") as inner:
            if inner is not None:
                _one_body(unit, resource, inner, f"{identity.code}.get(k)")


def _one_body(unit: Unit, resource: Resource, scope: Scope, identity: str) -> None:
    condition = _condition(unit, resource, scope)
    with unit.writer.block(f"if {condition}:"):
        where = "''"
        if resource.parent:
            unit.line(f"S.keep('Patient', {identity}, S.parent_patient(), '')")
            return
        over = [(e, scope) for e in resource.over if e.key.text not in ("id", "resourceType")]
        made = ""
        if resource.direct is not None:
            pieces = [(e, scope) for e in resource.over if e.key.text not in ("id", "resourceType")]
            made = _built(unit, pieces, resource, scope)
        elif resource.template is not None:
            found = templates.prepared(unit, resource.template, scope)
            if found is None:
                return
            where = next((_at(v) for v in found[1].names.values() if _at(v) != "''"), "''")
            if over:
                laid = templates.laid_over(unit, resource.template, scope, over)
                made = _built(unit, laid[1], resource, scope) if laid else ""
            else:
                made = _called(unit, resource, resource.template, scope, found[0])
        if made:
            unit.line(f"S.keep({resource.kind!r}, {identity}, {made}, {where})")


def _laid_over_passed(unit: Unit, document: Mapping, scope: Scope) -> None:
    """With `pass: entries`, `resources:` holds elements to lay over passed resources, by their type."""
    node = document.get("resources")
    for entry in node if isinstance(node, Mapping) else ():
        if not is_resource(entry.key.text) or not isinstance(entry.value, Mapping):
            said = "with `pass: entries`, `resources:` lays elements over passed resources"
            unit.wrong(entry.key.place, said, "Appointment:\n    status: …")
            continue
        kind = entry.key.text
        pieces = objects.pieces_of(entry.value, scope)
        built = objects.build(unit, pieces, kind, repr(kind), entry.key.place, resource=True, whole=False)
        if built is not None:
            unit.line(f"S.over[{kind!r}] = {built.code}")


def _at(value: object) -> str:
    return (
        value.where if isinstance(value, (Segments, Value)) else value.item.where if isinstance(value, Many) else "''"
    )


def _built(unit: Unit, pieces: list[Piece], resource: Resource, scope: Scope) -> str:
    del scope
    kept = [(e, s) for e, s in pieces if e.key.text != "takes"]
    built = objects.build(unit, kept, resource.kind, repr(resource.kind), resource.place, resource=True)
    return f"{built.code} if {built.live} else None" if built else ""


def _called(unit: Unit, resource: Resource, source: Scalar, scope: Scope, template: templates.Template) -> str:
    tree = read_expression(unit, source)
    arguments = templates.arguments_of(unit, source, tree, scope) if isinstance(tree, Call) else []
    if arguments is None:
        return ""
    arguments = templates.as_declared(unit, source, 0, template, arguments)
    name, _ = templates.instance(unit, template, arguments, resource.kind)
    return f"{name}({templates.passed(arguments, Target((resource.kind,), resource.kind, to=repr(resource.kind)))})"


# what the event is about


def _results(unit: Unit, document: Mapping, resources: dict[str, Resource], scope: Scope, *, passes: bool) -> None:
    happened = _happened(unit, document, scope)
    addressed = _addressed(unit, document, scope)
    if passes:
        person, prior, focus = (_passed_path(unit, document, key, scope) for key in ("person", "prior", "focus"))
        unit.line(f"return ({person}, {prior}, {focus}, {happened}, {addressed})")
        return
    wanted = document.get("remember")
    for entry in wanted if isinstance(wanted, Mapping) else ():
        identity = scope.names.get(f"id({_text(entry.value)})")
        if isinstance(identity, Value):
            with unit.writer.block(f"if S.made({identity.code}):"):
                unit.line(f"S.named[{_text(entry.value)!r}] = {identity.code}")
    person = _made(unit, document, "person", resources, scope)
    prior = _made(unit, document, "prior", resources, scope)
    focus = _made(unit, document, "focus", resources, scope)
    unit.line(f"return ({person}, {prior}, {focus}, {happened}, {addressed})")


def _made(unit: Unit, document: Mapping, key: str, resources: dict[str, Resource], scope: Scope) -> str:
    """Code for the id of the first of `a ?? b` that was made."""
    node = document.get(key)
    if node is None:
        return "None"
    tree = read_expression(unit, node) if isinstance(node, Scalar) and not node.quoted else None
    if tree is None or not isinstance(node, Scalar):
        return "None"
    codes: list[str] = []
    for part in _walk(tree):
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
    if not isinstance(node, Scalar) or node.quoted:
        return "None"
    tree = read_expression(unit, node)
    found = expressions.value(unit, node, tree, scope, None) if tree is not None else None
    if not isinstance(found, Value):
        return "None"
    text = expressions.settle(unit, node, 0, found, None)
    if text is None:
        return "None"
    code = unit.writer.once(f"text_of_json({text.code})" if text.type == "json" else f"plain({text.code})")
    unit.note_used([text])
    return f"None if {code} is None else moment(S, {text.where}, {code})"


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


# rows that hang on others


def _parent_names(document: Mapping) -> frozenset[str]:
    node = document.get("parents")
    return frozenset(e.key.text.removesuffix("?") for e in node) if isinstance(node, Mapping) else frozenset()


def _parents(shared: Shared, document: Mapping, message: str, number: int) -> str:
    """Writes the function that names the parents; empty where there are none."""
    node = document.get("parents")
    if node is None:
        return ""
    unit = Unit(shared, Writer(f"def P{number}(S, M):", node.place), frozenset(), message)
    scope = _scope(shared, document, message)
    if not isinstance(node, Mapping):
        unit.wrong(
            node.place, "`parents` holds names", 'referral: EpisodeOfCare identity(ServiceRequestId, "referral")'
        )
        return ""
    unit.line("found = {}")
    for entry in node:
        kind, _, rest = _text(entry.value).partition(" ")
        if not is_resource(kind) or not isinstance(entry.value, Scalar):
            advice = 'referral: EpisodeOfCare identity(ServiceRequestId, "referral")'
            unit.wrong(entry.value.place, f"`{kind}` is no resource type", advice)
            continue
        source = Scalar(rest.strip(), quoted=False, place=entry.value.place.at(len(kind) + 1))
        tree = read_expression(unit, source)
        found = expressions.value(unit, source, tree, scope, Target((kind,), ID)) if tree is not None else None
        if not isinstance(found, Value) or found.type != ID:
            if found is not None:
                unit.wrong(entry.value.place, "this makes no id", 'identity(ServiceRequestId, "referral")')
            continue
        name = entry.key.text.removesuffix("?")
        unit.line(f"S.hangs_on(found, {name!r}, {kind!r}, {found.code}, {found.where}, {entry.key.text.endswith('?')})")
    unit.line("return found")
    _open_segments(unit, scope)
    shared.functions.append(unit.writer)
    return f"P{number}"


def _remember(unit: Unit, document: Mapping, resources: dict[str, Resource]) -> dict[str, str]:
    node = document.get("remember")
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        unit.wrong(node.place, "`remember` maps names to resources", "remember:\n  spell: encounter")
        return {}
    for entry in node:
        if _text(entry.value) not in resources:
            near = did_you_mean(_text(entry.value), resources)
            unit.wrong(entry.value.place, f"the message makes no resource `{_text(entry.value)}`", near)
    return {entry.key.text: _text(entry.value) for entry in node}


def remembered_names(document: Mapping) -> frozenset[str]:
    node = document.get("remember")
    return frozenset(node.names()) if isinstance(node, Mapping) else frozenset()
