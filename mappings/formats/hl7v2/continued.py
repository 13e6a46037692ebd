"""Text that a sender breaks over several segments: report lines, one OBX each, and comments, one NTE each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mappings.formats.hl7v2.message import Message, Segment

_SET_ID: Final = 1


@dataclass(frozen=True, slots=True)
class Continued:
    """Segments of this name whose `text` field goes on in the next one. `where` says of which field it must be one of
    `values`; 0 is no such field. What the `ignored` fields say does not keep segments apart."""

    segment: str
    text: int
    where: int = 0
    values: frozenset[str] = field(default_factory=frozenset)
    ignored: frozenset[int] = field(default_factory=frozenset)

    def holds(self, segment: Segment) -> bool:
        return segment.name == self.segment and (not self.where or segment.field(self.where) in self.values)

    def told_apart_by(self, segment: Segment) -> list[str]:
        """All that must be the same in a segment that goes on with this one."""
        left_out = {_SET_ID, self.text, *self.ignored}
        fields = [text for number, text in enumerate(segment.fields()) if number not in left_out]
        while fields and not fields[-1]:
            fields.pop()
        return fields


def joined(message: Message, rules: Sequence[Continued]) -> Message:
    """The message with such segments in one, the lines being repetitions of the text field. Segments keep their
    place and number. The same message where there is nothing to join."""
    rules = [rule for rule in rules if len(message.all(rule.segment)) > 1]
    if not rules:
        return message
    runs = list(_runs(message.segments, rules))
    if len(runs) == len(message.segments):
        return message
    kept = [run[0] if len(run) == 1 else _together(run, rules, message) for run in runs]
    return Message(kept, message.delimiters)


def _runs(segments: Iterable[Segment], rules: Sequence[Continued]) -> Iterable[list[Segment]]:
    """Segments that follow one another and go on with each other."""
    run: list[Segment] = []
    same: list[str] | None = None
    for segment in segments:
        rule = next((rule for rule in rules if rule.holds(segment)), None)
        told = rule.told_apart_by(segment) if rule is not None else None
        if run and (told is None or told != same):
            yield run
            run = []
        run.append(segment)
        same = told
    if run:
        yield run


def _together(run: list[Segment], rules: Sequence[Continued], message: Message) -> Segment:
    first = run[0]
    text = next(rule.text for rule in rules if rule.holds(first))
    fields = list(first.fields()) + [""] * (text + 1 - len(first.fields()))
    fields[text] = message.delimiters.repetition.join(segment.field(text) for segment in run)
    return first.with_fields(fields)
