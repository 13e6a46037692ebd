"""What `each:` goes through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mappings.language.compile import beginnings, expressions, paths, repetitions
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.compile.values import (
    JSON,
    NOTHING,
    Groups,
    Many,
    References,
    Segments,
    Value,
)
from mappings.language.expressions import Field, Member, Path
from mappings.language.nodes import Entry, Scalar


@contextmanager
def loop(unit: Unit, entry: Entry, scope: Scope, counter: str = "") -> Iterator[Scope | None]:
    """Opens the loop of an `each:`, and gives the scope inside it; None, with a problem added, when it cannot loop."""
    node = entry.value
    tree = None
    if isinstance(node, Scalar) and not node.quoted:
        tree = read_expression(unit, node)
    if not isinstance(tree, Path) or not isinstance(node, Scalar):
        unit.wrong(node.place, "`each` goes through a repeating field, a segment, a group or a list", "each: PID-3")
        yield None
        return
    with unit.writer.at(entry.key.place), through(unit, node, tree, scope, counter) as inner:
        yield inner


@contextmanager
def through(unit: Unit, source: Scalar, tree: Path, scope: Scope, counter: str = "") -> Iterator[Scope | None]:
    """The same for a path: `with` its body inside the loop."""
    found = paths.resolve(unit, source, tree, scope)
    if isinstance(found, References):
        found = paths.every(found)
    inner = scope.inner()
    if isinstance(found, Segments) and found.code != NOTHING:
        local = unit.writer.name("g")
        with unit.writer.block(f"for {local} in {found.code}:"):
            one, name = unit.writer.name("a"), repr(found.name)
            unit.line(f"{one} = ({local},)")
            where = unit.writer.path(name)
            unit.line(f"{where} = {repetitions.numbered_where(name, f'{local}.number')}")
            inner.names[found.name] = Segments(found.name, one, where, loop=local)
            if counter:
                unit.line(f"{counter} = {local}.index")
            yield inner
    elif isinstance(found, Groups):
        local = unit.writer.name("g")
        with unit.writer.block(f"for {local} in {found.code}:"):
            if counter:
                unit.line(f"{counter} = {local}.first")
            yield beginnings.group_scope(unit, scope, replace(found, loop=local))
    elif isinstance(found, Value) and found.type not in (JSON, NOTHING) and not found.raw:
        said = f"`{source.text}` is one value, so `each:` has nothing to go through"
        unit.wrong(source.place, said, "leave `each:` out, or name a repeating field, a segment or a list")
        yield None
    elif isinstance(found, (Many, Value)) and not (isinstance(found, Value) and found.type == NOTHING):
        if isinstance(found, Value) and found.raw:
            said = f"`{source.text}` does not repeat, so `each:` goes through one value at most"
            unit.warn(source.place, said, "leave `each:` out; a sender's own repetitions are declared in fields.csv")
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
    head, number, raw = repetitions.each_of(unit, many)
    with unit.writer.block(head):
        if counter:
            unit.line(f"{counter} = {number}")
        item = repetitions.items_of(unit, many, number, raw)
        if item is not None and many.numbered:
            where = unit.writer.path(expressions.first_side(many.item.where))
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
