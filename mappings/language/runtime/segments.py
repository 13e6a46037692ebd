"""HL7 v2 messages as compiled packs see them: whole, or group by group."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.formats.hl7v2.message import Message, Segment


def padded(segment: Segment, last: int) -> list[str]:
    """All fields by number, raw, and empty ones up to number `last`. Not to be changed."""
    fields = segment.fields()
    missing = last + 1 - len(fields)
    return fields + [""] * missing if missing > 0 else fields


class Group:
    """Segments between two starts of a group, with those before the first group (MSH, EVN) beside them."""

    __slots__ = ("_by_name",)

    def __init__(self, segments: list[Segment]) -> None:
        self._by_name: dict[str, list[Segment]] = {}
        for segment in segments:
            self._by_name.setdefault(segment.name, []).append(segment)

    def all(self, name: str) -> list[Segment]:
        return self._by_name.get(name, [])


def groups(message: Message, starts: frozenset[str]) -> Iterator[Message | Group]:
    """One group per segment that starts one; the whole message when there is at most one start."""
    segments = message.segments
    at = [segment.index for segment in segments if segment.name in starts]
    if len(at) < 2:
        yield message
        return
    positions = {segment.index: position for position, segment in enumerate(segments)}
    bounds = [positions[index] for index in at]
    for start, end in zip(bounds, [*bounds[1:], len(segments)], strict=True):
        yield Group([*segments[: bounds[0]], *segments[start:end]])
