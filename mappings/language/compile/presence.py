"""What an expression comes to nothing without: most fields of most messages are empty, and are passed over at once."""

from __future__ import annotations

from mappings.language.compile import paths
from mappings.language.compile.scope import Let, Scope
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import Value
from mappings.language.expressions import Call, Component, Expression, Field, Index, Literal, Path
from mappings.language.functions import REGISTRY
from mappings.language.nodes import Scalar


def decisive(unit: Unit, source: Scalar, tree: Expression, scope: Scope) -> str:
    """Code of the raw text that must be there for the expression to give a value, or even a null, and to notice
    anything: that of `PID-8` for `PID-8 | code(gender)`. Empty where there is no single one."""
    path = _path(tree)
    if path is None or not all(isinstance(step, (Field, Index, Component)) for step in path.steps):
        return ""
    named = scope.name(path.root) if path.root else None
    if isinstance(named, Let):
        return "" if path.steps else decisive(unit, named.source, named.tree, named.scope)
    before = len(unit.problems.found)
    found = paths.resolve(unit, source, path, scope)
    if len(unit.problems.found) > before:  # it is said again when the expression is written
        del unit.problems.found[before:]
        return ""
    return found.code if isinstance(found, Value) and found.raw else ""


def _path(tree: Expression) -> Path | None:
    """The path at the left end of a row of calls that each give nothing when given nothing."""
    while isinstance(tree, Call):
        if not tree.arguments or not all(isinstance(other, (Path, Literal)) for other in tree.arguments[1:]):
            return None
        if tree.name == "code":
            tree = tree.arguments[0]
            continue
        function = REGISTRY.get(tree.name)
        if function is None or function.parameters[0].endswith(("?", "*", "]")):
            return None
        tree = tree.arguments[0]
    return tree if isinstance(tree, Path) else None
