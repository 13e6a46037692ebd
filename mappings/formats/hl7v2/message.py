"""A parsed message. Fields are split when they are first asked for, and nothing is unescaped here."""

from __future__ import annotations

from mappings.formats.hl7v2.delimiters import Delimiters


class Segment:
    """One segment.

    `name` is its three letters, `index` its place in the message as sent from 0 (MSH is 0), `number` its place among
    those of its name from 1. Fields are numbered as the standard numbers them, also in MSH, FHS and BHS, where field 1
    is the separator and field 2 the encoding characters.
    """

    __slots__ = ("_delimiters", "_fields", "_text", "index", "name", "number")

    def __init__(self, name: str, index: int, number: int, text: str, delimiters: Delimiters) -> None:
        self.name = name
        self.index = index
        self.number = number
        self._text = text
        self._delimiters = delimiters
        self._fields: list[str] | None = None

    def field(self, n: int) -> str:
        """Field n, raw; empty if the segment is shorter."""
        fields = self._fields
        if fields is None:
            fields = self._split()
        return fields[n] if n < len(fields) else ""

    def fields(self) -> list[str]:
        """All fields, raw, by number; the first is the segment's name. Not to be changed by the caller."""
        return self._fields if self._fields is not None else self._split()

    def repetitions(self, n: int) -> list[str]:
        """The repetitions of field n, raw; none if the field is empty."""
        text = self.field(n)
        if not text:
            return []
        mark = self._delimiters.repetition
        if mark not in text or (n == 2 and self.name in HEADERS):
            return [text]
        return text.split(mark)

    def __len__(self) -> int:
        """Number of the last field."""
        return len(self._fields if self._fields is not None else self._split()) - 1

    def with_fields(self, fields: list[str]) -> Segment:
        """The segment in its place with other fields, by number, the first being its name."""
        other = Segment(self.name, self.index, self.number, "", self._delimiters)
        other._fields = fields
        return other

    def _split(self) -> list[str]:
        separator = self._delimiters.field
        fields = self._text.split(separator)
        if self.name in HEADERS:
            fields.insert(1, separator)
        self._fields = fields
        self._text = ""
        return fields

    def __repr__(self) -> str:
        return f"<Segment {self.name} at {self.index}>"


HEADERS = frozenset({"MSH", "FHS", "BHS"})
"""Segments that begin with the delimiters themselves, which shifts their numbering by one."""


class Message:
    """One message: its segments in order, and the delimiters that all of them use."""

    __slots__ = ("_by_name", "delimiters", "segments")

    def __init__(self, segments: list[Segment], delimiters: Delimiters) -> None:
        self.segments = segments
        self.delimiters = delimiters
        self._by_name: dict[str, list[Segment]] | None = None

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        found = (self._by_name or self._index()).get(name)
        return found[0] if found else None

    def all(self, name: str) -> list[Segment]:
        """All segments of that name, in order. Not to be changed by the caller."""
        return (self._by_name or self._index()).get(name, _NONE)

    def _index(self) -> dict[str, list[Segment]]:
        by_name: dict[str, list[Segment]] = {}
        for segment in self.segments:
            by_name.setdefault(segment.name, []).append(segment)
        self._by_name = by_name
        return by_name

    def __repr__(self) -> str:
        return f"<Message of {len(self.segments)} segments>"


_NONE: list[Segment] = []
