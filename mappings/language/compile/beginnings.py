"""What every function of a message begins with: its segments in scope, and locals for them."""

from __future__ import annotations

from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Shared, Unit
from mappings.language.compile.values import Groups, Segments
from mappings.language.nodes import Node, Scalar
from mappings.stages import Format


def text_in(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""


def message_scope(shared: Shared, message: str) -> Scope:
    scope = Scope(message=message if shared.format in (Format.CSV, Format.JSON) else "")
    if shared.format is Format.HL7V2:
        for segment in shared.hl7.segments():
            scope.names[segment] = Segments(segment, f"s_{segment}", repr(segment))
    return scope


def group_scope(unit: Unit, outer: Scope, groups: Groups) -> Scope:
    """Inside an `each` over groups: every segment's name means those of this group."""
    inner = outer.inner()
    inner.uses = set()
    inner.groups[groups.name] = groups
    for segment in unit.shared.hl7.segments():
        inner.names[segment] = Segments(segment, "", "", group=groups.loop)
    return inner


def open_segments(unit: Unit, scope: Scope) -> None:
    if unit.shared.format is not Format.HL7V2:
        return
    used = sorted(name for name in scope.uses if isinstance(scope.names.get(name), Segments))
    opening = [(f"    s_{name} = M.all({name!r})", unit.writer.place) for name in used]
    unit.writer.opening[:0] = [("    C, B, R = S.marks", unit.writer.place), *opening]
