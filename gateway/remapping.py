"""Maps stored messages again with the packs as they stand now, and says what would be corrected.

stored message → intake, keeping nothing → drafts, each beside the event that stands → corrections and additions
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from contract.errors import Issue, Refusal, TooMany, Unavailable
from gateway.delivery import Delivery
from gateway.foresight import foresee
from gateway.hub import Hub
from gateway.source import Source
from gateway.store.corrections import Addition, Amendment, Correction, Standing, Stored, correction_of
from gateway.store.keeping import Accepted
from gateway.store.sources import sender_of
from mappings.stages import Draft


@dataclass(frozen=True, slots=True)
class Remapped:
    """What a message says today beside what stands of it. Nothing is published of `left`, types of events that it would
    make in addition and that only taking it in can make, nor of `gone`, those of events that it would not make any
    more. `refused` says why the message would not be taken today; `waits` that a parent of it is unknown."""

    message: Stored
    corrections: tuple[Correction, ...] = ()
    additions: tuple[Addition, ...] = ()
    left: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    refused: Issue | None = None
    waits: bool = False

    @property
    def same(self) -> bool:
        return not (self.amendments or self.left or self.gone or self.refused or self.waits)

    @property
    def amendments(self) -> tuple[Amendment, ...]:
        return (*self.corrections, *self.additions)

    @property
    def correctable(self) -> bool:
        """Whether it says what stands once its corrections and additions are published."""
        return not (self.left or self.gone or self.refused or self.waits)


async def remap(message: Stored, source: Source, standing: Sequence[Standing], hub: Hub) -> Remapped:
    """Raises Unavailable when nothing can be said now, or the source's pack is broken."""
    delivery = Delivery(
        sender_of(source),
        message.body,
        message.content_type,
        message.received,
        row=message.row,
        traceparent=message.traceparent,
    )
    try:
        keeping = await foresee(delivery, hub)
    except (Unavailable, TooMany):
        raise
    except Refusal as refusal:
        return Remapped(message, refused=refusal.issues[0])
    if not isinstance(keeping.outcome, Accepted):
        return Remapped(message, waits=True)
    pairs = _Pairs(list(standing), list(keeping.outcome.drafts))
    matched = list(pairs)
    corrections = [
        correction
        for event, draft in matched
        if (correction := correction_of(message.id, event, draft, keeping.pack_version))
    ]
    additions: list[Addition] = []
    left: list[str] = []
    for draft in pairs.unused:
        beside = _of_one_person(draft, matched)
        if beside is None:
            left.append(draft.type)
        else:
            additions.append(Addition(message.id, beside, len(standing), draft, keeping.pack_version))
    gone = tuple(event.type for event in pairs.events)
    return Remapped(message, tuple(corrections), tuple(additions), tuple(left), gone)


def _of_one_person(draft: Draft, matched: Sequence[tuple[Standing, Draft]]) -> Standing | None:
    """The last event that stands of the person that a draft is about. None where more than that event would have to be
    made: a merge, a person who was not known, or what other rows are to hang on."""
    if not _says_no_more(draft):
        return None
    return next((e for e, each in reversed(matched) if each.subject == draft.subject and _says_no_more(each)), None)


def _says_no_more(draft: Draft) -> bool:
    return not (draft.prior or draft.also or draft.states)


@dataclass(slots=True)
class _Pairs:
    """Events with the drafts that say the same part of the message: of one type and topic class rather than of one
    type, and of one type rather than of any. A draft may stand for several events: under each key of a merge there is
    one. What finds nothing is left in `events`, and `unused`."""

    events: list[Standing]
    drafts: list[Draft]
    used: set[int] = field(default_factory=set)

    def __iter__(self) -> Iterator[tuple[Standing, Draft]]:
        for likeness in (_all_alike, _type_alike, _part_alike):
            for event in list(self.events):
                found = next((n for n, draft in enumerate(self.drafts) if likeness(event, draft)), None)
                if found is not None and (likeness is _all_alike or found not in self.used):
                    self.events.remove(event)
                    self.used.add(found)
                    yield event, self.drafts[found]

    @property
    def unused(self) -> list[Draft]:
        """A row of a snapshot that repeated what was known made no event, and makes none today."""
        unused = [draft for number, draft in enumerate(self.drafts) if number not in self.used]
        return [draft for draft in unused if not any(state.snapshot for state in draft.states)]


def _all_alike(event: Standing, draft: Draft) -> bool:
    return _type_alike(event, draft) and event.restricted == draft.restricted


def _type_alike(event: Standing, draft: Draft) -> bool:
    return event.type == draft.type and _part_alike(event, draft)


def _part_alike(event: Standing, draft: Draft) -> bool:
    return _header_id(event.body) == _header_id(draft.body)


def _header_id(body: bytes) -> object:
    """Of the MessageHeader: made of the message's id and the part of it that the event is about."""
    return json.loads(body)["entry"][0]["resource"].get("id")
