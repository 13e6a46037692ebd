"""Resources that a message speaks of several times: the consultant who also admits, the ward that was one before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mappings.language.compile.unit import Unit
from mappings.language.compile.values import Any, Value


@contextmanager
def made_once(unit: Unit, function: str, arguments: list[Any], result: str) -> Iterator[None]:
    """Stands around the lines that make a resource with `function` and leave the reference to it in the local `result`.

    The same field makes the same resource, so that the second time the reference is enough; an empty one makes none.
    Not where there was something to say, whose path would be lost, nor where reads are counted.
    """
    only = arguments[0] if len(arguments) == 1 else None
    if not isinstance(only, Value) or not only.raw or unit.shared.accounting:
        yield
        return
    before = unit.writer.name("n")
    unit.line(f"{result} = S.found.get(({function!r}, {only.code}))")
    some = f" and {only.code}" if function in unit.shared.sole else ""  # nothing comes of nothing
    with unit.writer.block(f"if {result} is None{some}:"):
        unit.line(f"{before} = len(S.issues)")
        yield
        unit.line(f"if {result} and len(S.issues) == {before}: S.found[{function!r}, {only.code}] = {result}")
