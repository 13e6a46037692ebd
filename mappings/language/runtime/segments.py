"""HL7 v2 messages as compiled packs see them: whole, and in the groups that a message file names.

Groups are found by position, not by the standard's grammar: real messages leave segments out, add their own, and send
what their version does not have. A segment that no group claims belongs to the innermost group that is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from mappings.formats.hl7v2.delimiters import Delimiters
from mappings.formats.hl7v2.message import Message, Segment

POSITIONAL: Final = frozenset({"NTE", "PRT"})
"""Segments that speak of what stands before them (HL7 v2.8 §2.14.10, §7.4.4): in a group, only its own are meant."""

_NONE: Final[list[Segment]] = []


def rep(where: str, number: int) -> str:
    """Source path of the n-th repetition: `PID-3`, `PID-3[2]`."""
    return where if number == 1 else f"{where}[{number}]"


def padded(segment: Segment, last: int) -> list[str]:
    """All fields by number, raw, and empty ones up to number `last`. Not to be changed."""
    fields = segment.fields()
    missing = last + 1 - len(fields)
    return fields + [""] * missing if missing > 0 else fields


@dataclass(frozen=True, slots=True)
class GroupKind:
    """One group of a message file. `starts` are the segments that begin one, in their order (ORC, OBR: one of the two
    is enough); `inside` the groups that may hold it, "" being the message; `own` further segments of which, inside
    it, only its own are meant."""

    name: str
    starts: tuple[str, ...]
    inside: tuple[str, ...] = ("",)
    own: frozenset[str] = POSITIONAL

    def keeps(self, segment: str) -> bool:
        """Whether it is the group's own, however late it comes; what starts such groups starts the next one."""
        return segment in self.own and segment not in self.starts

    def holds(self, segment: str) -> bool:
        return segment in self.own or segment in self.starts


class Group:
    """The segments of one group, and the group around it. `first` is the place in the message of its first segment and
    `end` the place after its last."""

    __slots__ = ("_direct", "_found", "above", "end", "first", "inner", "kind")

    def __init__(self, kind: GroupKind, above: Group | None, first: int) -> None:
        self.kind = kind
        self.above = above
        self.first = first
        self.end = first
        self.inner: list[Group] = []
        self._direct: dict[str, list[Segment]] = {}
        self._found: dict[str, tuple[list[Segment], str]] = {}
        if above is not None:
            above.inner.append(self)

    def placed(self, name: str) -> tuple[list[Segment], str]:
        """All of that name, with the source path of the first. They are looked for once: ask when the message is in
        groups to its end."""
        found = self._found.get(name)
        if found is None:
            segments = self.all(name)
            found = self._found[name] = segments, rep(name, segments[0].number) if segments else name
        return found

    def all(self, name: str) -> list[Segment]:
        """Those that stand directly in the group; where it has none, those of the group around it."""
        group: Group | None = self
        while group is not None:
            found = group._direct.get(name)
            if found is not None:
                return found
            if group.kind.holds(name):
                break
            group = group.above
        return _NONE

    def groups(self, name: str) -> list[Group]:
        """The groups of that name inside this one, at any depth, in order."""
        return [group for group in self.and_inner() if group.kind.name == name and group is not self]

    def around(self, name: str) -> int:
        """The place of the group of that name that holds this one, -1 where none does."""
        group: Group | None = self
        while group is not None:
            if group.kind.name == name:
                return group.first
            group = group.above
        return -1

    def and_around(self) -> Iterator[Group]:
        """This one, then those around it, to the message itself."""
        group: Group | None = self
        while group is not None:
            yield group
            group = group.above

    def and_inner(self) -> Iterator[Group]:
        yield self
        for group in self.inner:
            yield from group.and_inner()

    def segments(self) -> Iterator[Segment]:
        """Those that stand directly in it."""
        for found in self._direct.values():
            yield from found

    def add(self, segment: Segment) -> None:
        self._direct.setdefault(segment.name, []).append(segment)
        for group in self.and_around():
            group.end = segment.index + 1

    def takes(self, name: str) -> bool:
        """Whether a segment that starts such groups still belongs to this one: none of its rank or above has come, or
        it follows those that have at once (OUL has OBR before ORC)."""
        starts = self.kind.starts
        if name not in starts or name in self._direct:
            return False
        below = not any(other in self._direct for other in starts[starts.index(name) :])
        return below or (not self.inner and self._direct.keys() <= {*starts, *POSITIONAL})


class Part:
    """What one event is mapped from: the whole message, or one group and what stands before the groups."""

    __slots__ = ("_by_name", "_groups", "delimiters")

    def __init__(self, groups: Iterable[Group], delimiters: Delimiters) -> None:
        self.delimiters = delimiters
        self._groups = list(groups)
        self._by_name: dict[str, list[Segment]] = {}
        segments = [segment for group in self._groups for segment in group.segments()]
        for segment in sorted(segments, key=_place):
            self._by_name.setdefault(segment.name, []).append(segment)

    def all(self, name: str) -> list[Segment]:
        """All of that name, whatever group they stand in, in the order of the message."""
        return self._by_name.get(name, _NONE)

    def groups(self, name: str) -> list[Group]:
        return [group for group in self._groups if group.kind.name == name]


def _place(segment: Segment) -> int:
    return segment.index


class Structure:
    """The groups of a message file, ready to be looked for. `each` is the one of which every instance makes an event,
    "" where the whole message makes one."""

    __slots__ = ("_kinds", "_only_each", "_started_by", "_starting", "each")

    def __init__(self, kinds: Sequence[GroupKind], each: str = "") -> None:
        self.each = each
        self._kinds = {kind.name: kind for kind in kinds}
        self._starting = {(outer, start): kind for kind in kinds for outer in kind.inside for start in kind.starts}
        self._started_by = {start: [k for k in kinds if start in k.starts] for kind in kinds for start in kind.starts}
        self._only_each = {start for kind in kinds for start in kind.starts} if [*self._kinds] == [each] else None

    def parts(self, message: Message) -> list[Message | Part]:
        """One for each group that makes an event; the whole message where there is at most one such group."""
        if not self._kinds:
            return [message]
        if self._only_each is not None and sum(s.name in self._only_each for s in message.segments) < 2:
            return [message]
        whole = self._grouped(message)
        groups = list(whole.and_inner())
        making = [group for group in groups if group.kind.name == self.each]
        if len(making) < 2:
            return [Part(groups, message.delimiters)]
        parts = [list(group.and_inner()) for group in making]
        theirs = {id(group) for part in parts for group in part}
        shared = [group for group in groups if id(group) not in theirs]
        return [Part([*shared, *part], message.delimiters) for part in parts]

    def _grouped(self, message: Message) -> Group:
        whole = innermost = Group(_MESSAGE, None, 0)
        for segment in message.segments:
            group = self._group_for(segment, innermost)
            group.add(segment)
            if segment.name in group.kind.starts:
                innermost = group
        return whole

    def _group_for(self, segment: Segment, innermost: Group) -> Group:
        """The open group that takes the segment, or one that it opens; else the innermost one."""
        name = segment.name
        for group in innermost.and_around():
            kind = self._starting.get((group.kind.name, name))
            if kind is not None and name in POSITIONAL:
                return Group(kind, group, segment.index)
            if group.kind.keeps(name) or group.takes(name):
                return group
            if kind is not None:
                return Group(kind, group, segment.index)
        for outer in innermost.and_around() if name in self._started_by else ():
            for kind in self._started_by[name]:
                between = self._between(outer.kind.name, kind)
                if between:
                    return reduce(lambda above, each: Group(each, above, segment.index), between, outer)
        return innermost

    def _between(self, outer: str, kind: GroupKind) -> tuple[GroupKind, ...]:
        """The kinds to open, outermost first, so that one of `kind` can stand in `outer`; none where it cannot."""
        if outer in kind.inside:
            return (kind,)
        for name in kind.inside:
            above = self._between(outer, self._kinds[name]) if name else ()
            if above:
                return (*above, kind)
        return ()


_MESSAGE: Final = GroupKind("", ())
