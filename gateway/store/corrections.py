"""Messages that are mapped again, and the corrections that are published of their events.

A correction is an event of its own: a new `ce_id` and a new sequence, and in `corrects` the event whose place it takes.
It says nothing new about whose it is: links, merges and flags are left as they are. An addition is an event that the
message makes today beside those that stand, about a person of one of them, and corrects nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from contract.links import link_of
from gateway.delivery import Row, Status
from gateway.store.bodies import GONE, bytes_of
from gateway.store.bulk import any_of
from gateway.store.flags import rules_today
from gateway.store.models import dead_letter, event, message
from gateway.store.withholding import dump, routed, withheld
from mappings.stages import Draft


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it was received, and what it was mapped by last. `received` is UTC."""

    id: str
    body: bytes
    content_type: str
    received: datetime
    row: Row | None
    pack: str
    pack_version: str
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An event as it stands now, with what its person's flags withhold today. `original` is the event that was
    published first, `arrived` its place in the order of arrival; `body` may be that of a correction."""

    original: str
    number: int
    type: str
    person_key: str
    arrived: int
    restricted: bool
    received: datetime
    traceparent: str | None
    body: bytes
    rules: frozenset[str]


@dataclass(frozen=True, slots=True)
class Correction:
    """What takes the place of an event: the draft that the message makes today, and its bytes with what is withheld."""

    message: str
    standing: Standing
    draft: Draft
    body: bytes
    pack_version: str

    @property
    def restricted(self) -> bool:
        """What was held apart once is never let out by a correction."""
        return self.standing.restricted or self.draft.restricted


@dataclass(frozen=True, slots=True)
class Addition:
    """An event that the message has not made yet. `standing` is one of its events that is about the same person, and
    `stood` how many events it had in all."""

    message: str
    standing: Standing
    stood: int
    draft: Draft
    pack_version: str


Amendment: TypeAlias = Correction | Addition


def stored_messages(
    connection: Connection, source: str, since: datetime, until: datetime, limit: int, after: Stored | None = None
) -> list[Stored]:
    """A source's accepted messages received from `since` on and before `until`, oldest first, in pages; those that are
    still kept as they were received."""
    wanted = _mappable(source, since, until)
    if after is not None:
        at = message.c.received
        wanted.append(or_(at > after.received, and_(at == after.received, message.c.id > after.id)))
    rows = connection.execute(select(message).where(*wanted).order_by(message.c.received, message.c.id).limit(limit))
    return [
        Stored(
            id=row.id,
            body=bytes_of(row),
            content_type=row.content_type,
            received=row.received,
            row=Row(row.batch, row.row) if row.batch else None,
            pack=row.pack,
            pack_version=row.pack_version,
            traceparent=row.traceparent,
        )
        for row in rows
    ]


def count_messages(connection: Connection, source: str, since: datetime, until: datetime) -> int:
    query = select(func.count()).where(*_mappable(source, since, until))
    return int(connection.execute(query).scalar_one())


def _mappable(source: str, since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    window = [message.c.received >= since, message.c.received < until]
    return [message.c.source == source, *window, message.c.status == Status.ACCEPTED, message.c.body_codec != GONE]


def standing_events(connection: Connection, messages: Collection[str]) -> dict[str, list[Standing]]:
    """What these messages have published, as it stands now, by message id, in order."""
    arrived = func.coalesce(event.c.arrived, dead_letter.c.number, event.c.sequence).label("place")
    rows = connection.execute(
        select(event, arrived)
        .select_from(event.outerjoin(dead_letter, dead_letter.c.message == event.c.message))
        .where(any_of(connection, event.c.message, messages))
        .order_by(event.c.sequence)
    ).fetchall()
    rules = rules_today(connection, {row.person_key for row in rows})
    latest = {row.corrects or row.id: row for row in rows}
    found: dict[str, list[Standing]] = {}
    for original, row in latest.items():
        found.setdefault(row.message, []).append(_standing(original, row, rules.get(row.person_key, frozenset())))
    return {id_: sorted(events, key=lambda each: each.number) for id_, events in found.items()}


def correction_of(id_: str, standing: Standing, draft: Draft, pack_version: str) -> Correction | None:
    """None when the message says today what stands."""
    body = withheld(draft.body, standing.rules)
    before, after = _read(standing.body), _read(body)
    link = link_of(before)
    if link is not None:
        after["entry"].append(link.as_entry())  # that two persons are one was found out when it was kept
        body = dump(after)
    made = Correction(id_, standing, draft, body, pack_version)
    same = before == after and standing.type == draft.type and standing.restricted == made.restricted
    return None if same else made


def _standing(original: str, row: Any, rules: frozenset[str]) -> Standing:
    return Standing(
        original=original,
        number=row.number,
        type=row.type,
        person_key=row.person_key,
        arrived=row.place,
        restricted=row.restricted or routed(rules),
        received=row.received,
        traceparent=row.traceparent,
        body=withheld(bytes_of(row), rules),
        rules=rules,
    )


def _read(body: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(body, parse_float=Decimal)
    return read
