"""Compares a restored store with Kafka, row by row of the outbox, and puts it right.

read what Kafka holds → each row: is it there? → mark, or publish again → what only Kafka has → numbers leap ahead

Only what Kafka would still have is published again: a record that it has let go by its own retention is not missed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, select

from carehub.databases import open_hub
from carehub.errors import Declined
from carehub.heartbeat import ALIVE_SECONDS, alive
from carehub.kafka import need_kafka
from carehub.register.credentials import note
from carehub.restore.holdings import Holdings, read_holdings
from carehub.settings import Settings
from contract.event import rfc3339
from gateway.relay.leases import group_owners
from gateway.store.database import Database
from gateway.store.models import heartbeat
from gateway.store.restoring import (
    Changes,
    Found,
    Row,
    apply_changes,
    known_events,
    leap,
    oldest_received,
    rows_after,
)

PAGE: Final = 2000


class Finding(StrEnum):
    """What a row of the outbox is, by Kafka's word."""

    AGREES = "agrees"
    PUBLISHED = "published"
    ELSEWHERE = "elsewhere"
    LACKING = "lacking"
    LET_GO = "let go"
    TO_PUBLISH = "to publish"


@dataclass(slots=True)
class Lost:
    """Events of a topic that only Kafka has: how many, and when their messages were accepted (UTC)."""

    events: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, received: datetime) -> None:
        self.events += 1
        self.first = min(self.first or received, received)
        self.last = max(self.last or received, received)


@dataclass(slots=True)
class Comparison:
    """`late` rows to be published come behind a later event of their person; `next_number` is set once numbers have
    leapt."""

    in_kafka: int
    highest: int
    rows: Counter[Finding] = field(default_factory=Counter)
    late: int = 0
    lost: dict[str, Lost] = field(default_factory=dict)
    next_number: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether there is nothing to put right, nor to ask senders for."""
        return not (self.lost or self.late or self.rows[Finding.PUBLISHED] or self.rows[Finding.LACKING])

    def as_dict(self) -> dict[str, Any]:
        rows = {
            "agree": self.rows[Finding.AGREES] + self.rows[Finding.ELSEWHERE],
            "publishedByKafka": self.rows[Finding.PUBLISHED],
            "lackedByKafka": self.rows[Finding.LACKING],
            "letGoByKafka": self.rows[Finding.LET_GO],
            "stillToPublish": self.rows[Finding.TO_PUBLISH],
            "late": self.late,
        }
        lost = [
            {"topic": topic, "events": each.events, "first": _told(each.first), "last": _told(each.last)}
            for topic, each in sorted(self.lost.items())
        ]
        numbers = {"highestInKafka": self.highest, "nextNumber": self.next_number}
        return {"inKafka": self.in_kafka, "outbox": rows, "onlyInKafka": lost, **numbers}


def check(settings: Settings, since: datetime | None) -> Comparison:
    """Changes nothing. Raises Misconfigured when the database or Kafka is away."""
    return asyncio.run(_compare(settings, since, put_right=False))


def reconcile(settings: Settings, since: datetime | None) -> Comparison:
    """Puts the store right, on record. Raises Declined while a gateway or relay runs, Misconfigured as check does. Cut
    off in the middle, it is done by doing it again."""
    return asyncio.run(_compare(settings, since, put_right=True))


async def _compare(settings: Settings, since: datetime | None, *, put_right: bool) -> Comparison:
    kafka = need_kafka(settings)
    async with open_hub(settings) as database:
        if put_right:
            await _need_quiet(database)
        held = await read_holdings(kafka.bootstrap, since)
        try:
            found = Comparison(held.records, held.highest)
            await _go_through(database, held, since, found, put_right=put_right)
            await _find_lost(database, held, found)
        finally:
            held.close()
        if put_right:
            await database.run(_settle, found)
    return found


async def _need_quiet(database: Database) -> None:
    def running(connection: Connection) -> list[str]:
        signs = select(heartbeat.c.process).where(*alive(connection))
        owners = {each.owner for each in group_owners(connection) if each.owner}
        return sorted({*connection.execute(signs).scalars(), *owners})

    if names := await database.read(running):
        raise Declined(
            f"these run on this store: {', '.join(names)}. Stop them first; "
            f"one that was killed is forgotten after {ALIVE_SECONDS:.0f} s"
        )


async def _go_through(
    database: Database, held: Holdings, since: datetime | None, found: Comparison, *, put_right: bool
) -> None:
    after, now = 0, datetime.now(UTC)
    while page := await database.read(rows_after, after, since, PAGE):
        after = page[-1].id
        changes = _judge_page(page, held, found, now)
        if put_right:
            await database.run(apply_changes, changes)


def _judge_page(page: list[Row], held: Holdings, found: Comparison, now: datetime) -> Changes:
    there: list[Found] = []
    again: list[int] = []
    late: list[int] = []
    for row in page:
        lies = held.claim(row.event, row.topic)
        if lies is not None:
            finding = _found(row, lies.partition, lies.offset)
            if finding is not Finding.AGREES:
                there.append(Found(row.id, lies.partition, lies.offset, row.published or lies.at))
        else:
            finding = _missed(row, held, now)
            if finding is Finding.LACKING:
                again.append(row.id)
            if finding is not Finding.LET_GO and not row.late:
                late += [row.id] if held.highest_of(row.topic, row.person_key) > row.sequence else []
        found.rows[finding] += 1
    found.late += len(late)
    return Changes(there, again, late)


def _found(row: Row, partition: int, offset: int) -> Finding:
    if row.published is None:
        return Finding.PUBLISHED
    return Finding.AGREES if (row.partition, row.offset) == (partition, offset) else Finding.ELSEWHERE


def _missed(row: Row, held: Holdings, now: datetime) -> Finding:
    if row.published is None:
        return Finding.TO_PUBLISH
    start = held.starts.get((row.topic, row.partition if row.partition is not None else -1), 0)
    if row.offset is not None and row.offset < start:
        return Finding.LET_GO
    kept = held.kept_ms.get(row.topic)
    over = kept is not None and row.published < now - timedelta(milliseconds=kept)
    return Finding.LET_GO if over else Finding.LACKING


async def _find_lost(database: Database, held: Holdings, found: Comparison) -> None:
    """What only Kafka has, of the time that the store looks back on: older events it has let go itself."""
    oldest = await database.read(oldest_received)
    for page in held.unclaimed():
        known = await database.read(known_events, {each.event for each in page})
        for each in page:
            if each.event not in known and (oldest is None or each.received >= oldest):
                found.lost.setdefault(each.topic, Lost()).add(each.received)


def _settle(connection: Connection, found: Comparison) -> None:
    found.next_number = leap(connection, found.highest) + 1
    note(connection, "restore-reconciled", "restore", **found.as_dict())


def _told(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
