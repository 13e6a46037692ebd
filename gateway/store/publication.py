"""An event on its way into the tables, and from there into the outbox: one row for each topic it goes to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, func, select

from contract.links import PersonLink
from contract.topics import Topic
from gateway.delivery import ReceiptEvent
from gateway.store.bodies import Body, pack_body
from gateway.store.bulk import any_of, insert_rows
from gateway.store.entry import Entry, traceparent_of
from gateway.store.models import SHARDS, event, outbox
from gateway.store.numbers import draw_outbox_ids, draw_sequence
from gateway.store.withholding import dump, routed, withheld
from mappings.stages import ResourceState

NEVER: Final = 2**63 - 1


@dataclass(slots=True)
class Publication:
    """`plain` and `body` are the event as mapped and as stored; `others` the places it reaches beside its own.

    `message` is empty for what the hub itself makes. `arrived` orders what was taken in earlier and released only now.
    `after` is what must be published before this.
    """

    id: str
    entry: Entry
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
                self.topics = (Topic(own.place, own.sector, restricted=True),)
        if self.merge is not None:
            bundle: dict[str, Any] = json.loads(self.plain, parse_float=Decimal)
            bundle["entry"].append(self.merge.as_entry())
            self.plain, self.body = dump(bundle), None

    def reach_restricted(self, rules: Collection[str]) -> None:
        """A link names keys only, and stays; but who reads the restricted topic must learn of it there."""
        restricted = Topic(self.entry.source.place, self.entry.source.sector, restricted=True)
        if restricted not in self.topics and routed(rules):
            self.topics = (*self.topics, restricted)

    def receipt(self) -> ReceiptEvent:
        return ReceiptEvent(self.id, self.type, tuple(str(topic) for topic in self.topics))


def shard_of(person_key: str) -> int:
    """The shard of a person key, 0 to 63: the same on every machine, for ever."""
    return int.from_bytes(hashlib.sha256(person_key.encode()).digest()[:2]) % SHARDS


def write_publications(connection: Connection, publications: Sequence[Publication], now: datetime) -> None:
    """Draws sequence numbers and outbox ids in the order given, and inserts events and outbox rows."""
    mark_late(connection, [p for p in publications if p.arrived < NEVER], publications)
    for publication, sequence in zip(publications, draw_sequence(connection, len(publications)), strict=True):
        publication.sequence = sequence
    insert_rows(connection, event, [_event_row(p) for p in publications])
    ids = iter(draw_outbox_ids(connection, sum(len(p.topics) for p in publications)))
    rows: list[dict[str, Any]] = []
    for publication in publications:
        for topic in publication.topics:
            publication.last_outbox_id = next(ids)
            rows.append(_outbox_row(publication, topic, now))
    insert_rows(connection, outbox, rows)


def mark_late(connection: Connection, released: Sequence[Publication], everything: Sequence[Publication]) -> None:
    """Marks what is released behind an event of its person that was accepted after it."""
    if not released:
        return
    rows = connection.execute(
        select(event.c.person_key, func.max(event.c.sequence))
        .where(any_of(connection, event.c.person_key, {p.key for p in released}))
        .group_by(event.c.person_key)
    )
    highest: dict[str, int] = {row[0]: row[1] for row in rows}
    for publication in everything:
        publication.late = publication.arrived < highest.get(publication.key, 0)
        highest[publication.key] = max(highest.get(publication.key, 0), publication.arrived)


def _event_row(publication: Publication) -> dict[str, Any]:
    body = publication.body or pack_body(publication.plain)
    return {
        "id": publication.id,
        "message": publication.message,
        "number": publication.number,
        "source": publication.entry.source.id,
        "type": publication.type,
        "person_key": publication.key,
        "happened": publication.happened,
        "received": publication.entry.keeping.received,
        "sequence": publication.sequence,
        "restricted": publication.restricted,
        "traceparent": traceparent_of(publication.entry.keeping),
        **body.columns(),
    }


def _outbox_row(publication: Publication, topic: Topic, now: datetime) -> dict[str, Any]:
    return {
        "id": publication.last_outbox_id,
        "event": publication.id,
        "topic": str(topic),
        "place": topic.place,
        "sector": str(topic.sector),
        "organisation": publication.entry.source.organisation,
        "person_key": publication.key,
        "shard": shard_of(publication.key),
        "size": len(publication.plain),
        "after_outbox_id": publication.after.last_outbox_id if publication.after else None,
        "late": publication.late,
        "created": now,
    }
