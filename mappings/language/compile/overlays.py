"""`template:` with elements laid over it."""

from __future__ import annotations

from mappings.language.compile import directives, instances, makers, objects, putting, templates, using
from mappings.language.compile.scope import Scope
from mappings.language.compile.sinks import Piece, Sink
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.compile.values import (
    REFERENCE,
    Any,
    Value,
)
from mappings.language.expressions import Call, Path
from mappings.language.nodes import Mapping, Scalar
from mappings.language.problems import Place, did_you_mean


def put_template(unit: Unit, sink: Sink, node: Mapping, scope: Scope, place: Place) -> None:
    entry = node.entry("template")
    assert entry is not None  # noqa: S101  (the caller looked)
    over = [e for e in node if e is not entry and e.key.text != "always"]
    if not isinstance(entry.value, Scalar) or entry.value.quoted:
        unit.wrong(entry.value.place, "`template` needs a template and its values", "template: Identifier(PID-3)")
        return
    if not over:
        putting.put_scalar(unit, sink, entry.value, scope)
        return
    found = laid_over(unit, entry.value, scope, [(e, scope) for e in over])
    if found is None:
        return
    template, arguments, pieces = found
    if template.resource:
        _put_resource_over(unit, sink, template, arguments, pieces, entry.value)
        return
    putting.put_object(unit, sink, pieces, place)


def _put_resource_over(
    unit: Unit, sink: Sink, template: templates.Template, arguments: list[Any], pieces: list[Piece], source: Scalar
) -> None:
    identity = makers.identity(unit, template, arguments, traced=True)
    built = objects.build(unit, pieces, template.makes, repr(template.makes), source.place, resource=True)
    if built is None:
        return
    result = unit.writer.name("v")
    body = f"{built.code} if {built.live} else None"
    unit.line(f"{result} = S.emit({template.makes!r}, {identity.code}, {body}, {identity.where})")
    putting.put_value(unit, sink, source, 0, Value(result, REFERENCE, where=identity.where, target=template.makes))


def prepared(unit: Unit, source: Scalar, scope: Scope) -> tuple[templates.Template, list[Any]] | None:
    """The template that is called, and what it is given."""
    tree = read_expression(unit, source)
    if isinstance(tree, Path) and not tree.steps:
        tree = Call(tree.root, (), tree.position)
    if not isinstance(tree, Call) or tree.name not in unit.shared.templates:
        name = tree.name if isinstance(tree, Call) else source.text
        unit.wrong(source.place, f"there is no template `{name}`", did_you_mean(name, unit.shared.templates))
        return None
    arguments = using.arguments_of(unit, source, tree, scope)
    template = using.choose(unit, source, tree, arguments) if arguments is not None else None
    if template is None or arguments is None:
        return None
    return template, using.as_declared(unit, source, tree.position, template, arguments)


def laid_over(
    unit: Unit, source: Scalar, scope: Scope, over: list[Piece]
) -> tuple[templates.Template, list[Any], list[Piece]] | None:
    """The template, what it is given, and its elements with others laid over them, which are written in place with the
    caller's locals."""
    found = prepared(unit, source, scope)
    if found is None:
        return None
    template, arguments = found
    inner = instances.bind(template, arguments, unit.message)
    special = [d for d in ("chain", "cases", "switch", "each", "if") if d in template.body.names()]
    if special:
        said = f"nothing can be laid over {template.file}: it is made of `{special[0]}`"
        unit.wrong(source.place, said, "lay it over what it is made of")
        return None
    names = template.body.entry("let")
    if names is not None:
        inner = directives.let(unit, names, inner)
    replaced = {entry.key.text for entry, _ in over}
    kept = [
        (e, inner)
        for e in template.body
        if e.key.text not in replaced and e.key.text.partition(":")[0] not in replaced and e.key.text != "let"
    ]
    return template, arguments, [*kept, *over]
