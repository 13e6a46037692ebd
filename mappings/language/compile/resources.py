"""What stands under `resources:` of a message file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from mappings.language.compile import beginnings
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.expressions import Call, Expression, Path, walk
from mappings.language.fhir.model import is_resource
from mappings.language.lexer import ExpressionError
from mappings.language.nodes import Entry, Mapping, Node, Scalar, Sequence
from mappings.language.parser import parse
from mappings.language.problems import Place, did_you_mean


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
    wanted: str = ""
    """Code that says, once its id is written, whether its condition holds; in a loop, for its counter `k`."""


def read_resources(unit: Unit, document: Mapping) -> dict[str, Resource]:
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
        if not isinstance(node, Mapping) or not is_resource(beginnings.text_in(kind)):
            unit.wrong(entry.key.place, f"`{resource.name}` is made of nothing", "write `template: Patient(PID)`")
            return None
        resource.kind, resource.direct = beginnings.text_in(kind), node
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
    _needs(resource, None if own else template.body.get("let"), given)
    return resource


def _needs(resource: Resource, node: Node | None, given: dict[str, Expression]) -> None:
    """Which other resources' ids this id is made of."""
    for path in trees_in(node):
        if isinstance(path, Call) and path.name == "ref":
            resource.needs |= {p.root for p in path.arguments if isinstance(p, Path)}
        elif isinstance(path, Path) and path.root in given:
            for inner in walk(given[path.root]):
                if isinstance(inner, Call) and inner.name == "ref":
                    resource.needs |= {p.root for p in inner.arguments if isinstance(p, Path)}


def trees_in(node: Node | None) -> Iterator[Expression]:
    """Every part of every expression in what stands after a key, at any depth."""
    if isinstance(node, Mapping):
        for entry in node:
            yield from trees_in(entry.value)
    elif isinstance(node, Scalar) and not node.quoted:
        with suppress(ExpressionError):
            yield from walk(parse(node.text))


def in_order(unit: Unit, resources: dict[str, Resource]) -> list[str]:
    """Names so that every id comes after those it is made of."""
    ordered: list[str] = []
    waiting = dict(resources)
    while waiting:
        ready = [n for n, r in waiting.items() if not r.needs & waiting.keys()]
        if not ready:
            chain = " → ".join([*waiting, next(iter(waiting))])
            first = next(iter(waiting.values()))
            unit.wrong(first.place, f"these ids are made of one another: {chain}", "base one of them on an identifier")
            ready = list(waiting)
        for name in ready:
            ordered.append(name)
            del waiting[name]
    return ordered
