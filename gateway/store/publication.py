"""An event on its way into the tables, and from there into the outbox: one row for each topic it goes to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Table, func, select

from contract.links import PersonLink
from contract.topics import Sector, Topic
from gateway.delivery import ReceiptEvent
from gateway.source import Source
from gateway.store.bodies import Body, pack_body
from gateway.store.bulk import Rows, any_of
from gateway.store.entry import traceparent_of
from gateway.store.keeping import Keeping
from gateway.store.models import SHARDS, dead_letter, event, outbox
from gateway.store.numbers import draw_both
from gateway.store.retired import highest_gone
from gateway.store.withholding import dump, routed, withheld
from mappings.stages import ResourceState

NEVER: Final = 2**63 - 1

Inserts: TypeAlias = tuple[Table, Rows]


@dataclass(frozen=True, slots=True)
class Origin:
    """What brought an event about: a message of `source`, when it was `received` (UTC), and its trace."""

    source: Source
    received: datetime
    traceparent: str | None

    @classmethod
    def of(cls, keeping: Keeping) -> Origin:
        return cls(keeping.source, keeping.received, traceparent_of(keeping))


@dataclass(slots=True)
class Publication:
    """`plain` and `body` are the event as mapped and as stored.

    `message` is empty for what the hub itself makes. `arrived` orders what was taken in earlier and released only now.
    `after` is what must be published before this. `corrects` is the event that a correction takes the place of, and
    `pack_version` what it, or an addition, was mapped by.
    """

    id: str
    origin: Origin
    type: str
    key: str
    happened: datetime
    plain: bytes
    body: Body | None
    topics: tuple[Topic, ...]
    number: int = 0
    message: str | None = None
    restricted: bool = False
    arrived: int = NEVER
    after: Publication | None = None
    corrects: str | None = None
    pack_version: str | None = None
    merge: PersonLink | None = None
    states: tuple[ResourceState, ...] = ()
    rules: set[str] = field(default_factory=set)
    late: bool = False
    sequence: int = 0
    last_outbox_id: int = 0

    def settle(self) -> None:
        """Applies the person's flags: what is withheld goes, and what is routed goes to the restricted topic alone."""
        if self.rules:
            changed = withheld(self.plain, self.rules)
            if changed is not self.plain:
                self.plain, self.body = changed, None
            if routed(self.rules) and not self.restricted:
                own = self.topics[0]
                self.restricted = True
                self.topics = (event_topic(own.place, own.sector, restricted=True),)
        if self.merge is not None:
            bundle: dict[str, Any] = json.loads(self.plain, parse_float=Decimal)
            bundle["entry"].append(self.merge.as_entry())
            self.plain, self.body = dump(bundle), None

    def reach_restricted(self, rules: Collection[str]) -> None:
        """A link names keys only, and stays; but who reads the restricted topic must learn of it there."""
        restricted = event_topic(self.origin.source.place, self.origin.source.sector, restricted=True)
        if restricted not in self.topics and routed(rules):
            self.topics = (*self.topics, restricted)

    def receipt(self) -> ReceiptEvent:
        return ReceiptEvent(self.id, self.type, tuple(topic_name(topic) for topic in self.topics))


@cache
def topic_name(topic: Topic) -> str:
    return str(topic)


@cache
def event_topic(place: str, sector: Sector, *, restricted: bool = False) -> Topic:
    """The topic of a place and sector: there are few, and each is checked once."""
    return Topic(place, sector, restricted)


def shard_of(person_key: str) -> int:
    """The shard of a person key, 0 to 63: the same on every machine, for ever."""
    return int.from_bytes(hashlib.sha256(person_key.encode()).digest()[:2]) % SHARDS


def number_publications(connection: Connection, publications: Sequence[Publication], now: datetime) -> list[Inserts]:
    """Draws sequence numbers and outbox ids in the order given; returns the rows of events and outbox to insert."""
    mark_late(connection, [p for p in publications if p.arrived < NEVER], publications)
    topics = sum(len(p.topics) for p in publications)
    sequences, ids = draw_both(connection, len(publications), topics)
    next_id = iter(ids)
    rows: list[dict[str, Any]] = []
    for publication, sequence in zip(publications, sequences, strict=False):
        publication.sequence = sequence
        for topic in publication.topics:
            publication.last_outbox_id = next(next_id)
            rows.append(_outbox_row(publication, topic, now))
    return [(event, [_event_row(p) for p in publications]), (outbox, rows)]


def mark_late(connection: Connection, released: Sequence[Publication], everything: Sequence[Publication]) -> None:
    """Marks what is released behind an event of its person that was accepted after it. What a retried dead letter
    became counts by the place of the letter, and a correction by that of what it corrects: several that come in their
    order are not late for each other. What arrived before events that are no longer kept counts as late: some may have
    been of its person."""
    if not released:
        return
    arrived = func.coalesce(event.c.arrived, dead_letter.c.number, event.c.sequence)
    rows = connection.execute(
        select(event.c.person_key, func.max(arrived))
        .select_from(event.outerjoin(dead_letter, dead_letter.c.message == event.c.message))
        .where(
            any_of(connection, event.c.person_key, {p.key for p in released}),
            event.c.sequence > min(p.arrived for p in released),
        )
        .group_by(event.c.person_key)
    )
    highest: dict[str, int] = {row[0]: row[1] for row in rows}
    gone = highest_gone(connection)
    for publication in everything:
        publication.late = publication.arrived < max(gone, highest.get(publication.key, 0))
        highest[publication.key] = max(highest.get(publication.key, 0), publication.arrived)


def _event_row(publication: Publication) -> dict[str, Any]:
    body = publication.body or pack_body(publication.plain)
    return {
        "id": publication.id,
        "message": publication.message,
        "number": publication.number,
        "source": publication.origin.source.id,
        "type": publication.type,
        "person_key": publication.key,
        "happened": publication.happened,
        "received": publication.origin.received,
        "sequence": publication.sequence,
        "restricted": publication.restricted,
        "traceparent": publication.origin.traceparent,
        **_mapped_again(publication),
        **body.columns(),
    }


def _mapped_again(publication: Publication) -> dict[str, Any]:
    """Corrections and additions never share a group with events of new messages, whose rows need not carry this."""
    if publication.pack_version is None:
        return {}
    return {
        "corrects": publication.corrects,
        "pack_version": publication.pack_version,
        "arrived": publication.arrived,
    }


def _outbox_row(publication: Publication, topic: Topic, now: datetime) -> dict[str, Any]:
    return {
        "id": publication.last_outbox_id,
        "event": publication.id,
        "topic": topic_name(topic),
        "place": topic.place,
        "sector": str(topic.sector),
        "organisation": publication.origin.source.organisation,
        "person_key": publication.key,
        "shard": shard_of(publication.key),
        "size": len(publication.plain),
        "after_outbox_id": publication.after.last_outbox_id if publication.after else None,
        "late": publication.late,
        "created": now,
    }
