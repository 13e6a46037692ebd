"""The `groups:` of a message file, and the `each:` that makes one event of every such group."""

from __future__ import annotations

from mappings.language.compile.beginnings import text_in
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import Groups
from mappings.language.nodes import Entry, Mapping, Node, Scalar, Sequence
from mappings.language.problems import did_you_mean
from mappings.language.runtime.segments import POSITIONAL, GroupKind, Structure

_EXAMPLE = "groups:\n  PATIENT: [PID]\n  ORDER: {starts: [ORC, OBR], inside: PATIENT}"


def read_groups(unit: Unit, document: Mapping) -> dict[str, GroupKind]:
    """The groups by name, those around others first."""
    node = document.get("groups")
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        unit.wrong(node.place, "`groups` names groups with the segments that start them", _EXAMPLE)
        return {}
    found: dict[str, GroupKind] = {}
    for entry in node:
        kind = _group(unit, entry, found)
        if kind is not None:
            found[kind.name] = kind
    return found


def _group(unit: Unit, entry: Entry, known: dict[str, GroupKind]) -> GroupKind | None:
    name, node = entry.key.text, entry.value
    if name in unit.shared.hl7.segments():
        unit.wrong(entry.key.place, f"`{name}` is a segment, so no group has its name", "write a longer name")
        return None
    if not isinstance(node, Mapping):
        starts = _segments(unit, node)
        return GroupKind(name, starts) if starts else None
    for each in node:
        if each.key.text not in ("starts", "inside", "own"):
            advice = did_you_mean(each.key.text, ("starts", "inside", "own"))
            unit.wrong(each.key.place, f"a group has no `{each.key.text}`", advice or "starts, inside, own")
    first, outer, own = node.get("starts"), node.get("inside"), node.get("own")
    if first is None:
        unit.wrong(entry.key.place, f"the group {name} does not say what starts it", "starts: [ORC, OBR]")
        return None
    inside = _words(outer) if outer is not None else ("",)
    for word in inside:
        if word and word not in known:
            advice = did_you_mean(word, known) or "a group stands below those that it is inside of"
            unit.wrong(outer.place if outer else entry.key.place, f"there is no group `{word}` above {name}", advice)
            return None
    return GroupKind(name, _segments(unit, first), inside, POSITIONAL | set(_segments(unit, own) if own else ()))


def _words(node: Node) -> tuple[str, ...]:
    if isinstance(node, Sequence):
        return tuple(text_in(item) for item in node.items)
    return (node.text,) if isinstance(node, Scalar) else ()


def _segments(unit: Unit, node: Node) -> tuple[str, ...]:
    segments = unit.shared.hl7.segments()
    found = _words(node)
    if not found:
        unit.wrong(node.place, "here stand segments", "[ORC, OBR]")
    for word in found:
        if word not in segments:
            unit.wrong(node.place, f"there is no segment `{word}`", did_you_mean(word, segments))
    return found


def structure_of(unit: Unit, document: Mapping, kinds: dict[str, GroupKind]) -> Structure:
    """What the message is split by at run time."""
    each = document.get("each")
    name = text_in(each) if each is not None else ""
    if each is not None and name not in kinds:
        unit.wrong(each.place, f"there is no group `{name}`", did_you_mean(name, kinds) or _EXAMPLE)
    return Structure(tuple(kinds.values()), name)


def names_of(kinds: dict[str, GroupKind]) -> dict[str, Groups]:
    """What the groups are called in expressions."""
    around: dict[str, frozenset[str]] = {}
    for kind in kinds.values():
        outer = {name for name in kind.inside if name}
        around[kind.name] = frozenset(outer).union(*(around[name] for name in outer))
    return {name: Groups(name, f"M.groups({name!r})", around[name]) for name in kinds}
