"""`chain:`: the levels of a hierarchy, absent ones skipped; each makes a resource that refers to the next one up."""

from __future__ import annotations

from typing import Final

from mappings.language.compile import expressions, identities, objects
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.compile.values import REFERENCE, TEXT, Own, Value
from mappings.language.nodes import Entry, Mapping, Scalar

NAMES: Final = frozenset(["here", "level", "ancestors", "next"])
"""What an expression in the resource of each level may speak of, besides the template's parameters."""


def body(unit: Unit, template: Mapping, scope: Scope) -> None:
    """Writes the function: from the topmost level down, returning the reference to the lowest that is present."""
    levels, each = template.get("chain"), template.get("each")
    kind = each.get("resourceType") if isinstance(each, Mapping) else None
    if not isinstance(levels, Mapping) or not isinstance(each, Mapping) or not isinstance(kind, Scalar):
        advice = "chain:\n  bed: PL.3\n  room: PL.2\neach:\n  resourceType: Location"
        unit.wrong(template.place, "a chain has levels, and `each:` with the resource that each level makes", advice)
        return
    unit.line("above, ancestors = None, None")
    found = [_level(unit, entry, scope) for entry in reversed(levels.entries)]
    rows = ", ".join(f"({name!r}, {code}, {where})" for name, code, where in found if code)
    with unit.writer.block(f"for level, here, at in ({rows},):"):
        with unit.writer.block("if here is None or here is NULL:"):
            unit.line("continue")
        inner = scope.inner()
        inner.names |= {
            "here": Value("here", TEXT, where="at"),
            "level": Value("level", TEXT, own=Own.CONSTANT, where="at"),
            "ancestors": Value("ancestors", TEXT, own=Own.CONSTANT),
            "next": Value("above", REFERENCE, own=Own.REFERENCE, target=kind.text),
        }
        identity = identities.identity_in(unit, each, kind.text, inner)
        built = objects.build(
            unit, objects.pieces_of(each, inner), kind.text, repr(kind.text), each.place, resource=True
        )
        if identity is not None and built is not None:
            made = f"{built.code} if {built.live} else None"
            unit.line(f"above = S.emit({kind.text!r}, {identity.code}, {made}, at) or above")
        unit.line("ancestors = here if ancestors is None else ancestors + ' / ' + here")
    unit.line("return above")


def _level(unit: Unit, entry: Entry, scope: Scope) -> tuple[str, str, str]:
    """Name, local and source path of one level."""
    node = entry.value
    tree = read_expression(unit, node) if isinstance(node, Scalar) and not node.quoted else None
    if tree is None or not isinstance(node, Scalar):
        unit.wrong(node.place, f"the level `{entry.key.text}` needs a path", "bed: PL.3")
        return "", "", ""
    with unit.writer.at(entry.key.place):
        found = expressions.value(unit, node, tree, scope, None)
        text = expressions.settle(unit, node, 0, found, None) if isinstance(found, Value) else None
    if text is None:
        return "", "", ""
    return entry.key.text, text.code, text.where
