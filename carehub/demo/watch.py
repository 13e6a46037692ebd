"""Where the demo's events went: into the outbox, onto Kafka as anybody reads it, and into the consumer's table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiokafka.structs import ConsumerRecord, TopicPartition
from sqlalchemy import Connection, func, select

from carehub.tail import reader, topics_of
from consumers.models import inbox
from gateway.delivery import Status
from gateway.store.database import Database
from gateway.store.models import event, message, outbox

SECONDS: Final = 25.0
"""Patience with the way from the last acknowledgement to Kafka and the consumer."""

_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as the store has it. `message` is None for what the hub itself tells: that two keys are one person.
    `received` is UTC."""

    id: str
    type: str
    topic: str
    source: str
    message: str | None
    batch: str | None
    row: int | None
    received: datetime


def kept_events(connection: Connection, sources: Collection[str], since: datetime) -> list[Kept]:
    """Every event of these sources, once for each topic it goes to, in the relay's order."""
    found = connection.execute(
        select(event.c.id, event.c.type, outbox.c.topic, event.c.source, event.c.message, event.c.received)
        .add_columns(message.c.batch, message.c.row)
        .join_from(outbox, event, outbox.c.event == event.c.id)
        .outerjoin(message, message.c.id == event.c.message)
        .where(event.c.source.in_(sorted(sources)), event.c.received >= since)
        .order_by(outbox.c.id)
    )
    return [Kept(r.id, r.type, r.topic, r.source, r.message, r.batch, r.row, r.received) for r in found]


def messages_in_order(connection: Connection, source: str, since: datetime) -> list[str]:
    """Ids of the messages of a source, as they were received."""
    wanted = (message.c.source == source, message.c.received >= since, message.c.batch.is_(None))
    return list(connection.execute(select(message.c.id).where(*wanted).order_by(message.c.received)).scalars())


async def none_waits(database: Database, sources: Collection[str], since: datetime) -> None:
    """Returns when no message of these sources waits for a parent any more, or patience is at its end."""
    for _ in range(round(SECONDS / _LOOK_SECONDS)):
        if not await database.read(waiting_messages, sources, since):
            return
        await asyncio.sleep(_LOOK_SECONDS)


def waiting_messages(connection: Connection, sources: Collection[str], since: datetime) -> int:
    wanted = (message.c.source.in_(sorted(sources)), message.c.received >= since, message.c.status == Status.WAITING)
    return connection.execute(select(func.count()).select_from(message).where(*wanted)).scalar_one()


async def on_kafka(bootstrap: str, wanted: Set[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """The record of each (topic, event id), read with a plain consumer; what does not come in time is left out."""
    found: dict[tuple[str, str], ConsumerRecord[bytes, bytes]] = {}
    deadline = time.monotonic() + SECONDS
    topics = {topic for topic, _ in wanted}
    while not topics <= (there := await topics_of(bootstrap)).keys():
        if time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.1)
    partitions = [TopicPartition(topic, number) for topic in topics for number in there[topic]]
    async with reader(bootstrap, partitions) as consumer:
        while len(found) < len(wanted) and time.monotonic() < deadline:
            for records in (await consumer.getmany(*partitions, timeout_ms=200)).values():
                for record in records:
                    key = (record.topic, dict(record.headers)["ce_id"].decode())
                    if key in wanted:
                        found.setdefault(key, record)
    return found


async def seen_by_consumer(database: Database, wanted: Set[tuple[str, str]]) -> dict[tuple[str, str], datetime]:
    """When the app `timeline` had applied each (topic, event id), in UTC; what does not come in time is left out."""
    deadline = time.monotonic() + SECONDS
    while True:
        seen = await database.read(applied, "timeline", {topic for topic, _ in wanted})
        if wanted <= seen.keys() or time.monotonic() > deadline:
            return seen
        await asyncio.sleep(_LOOK_SECONDS)


def applied(connection: Connection, app: str, topics: Collection[str]) -> dict[tuple[str, str], datetime]:
    """The consumer runtime's own note of what `app` has applied of these topics."""
    wanted = (inbox.c.app == app, inbox.c.topic.in_(sorted(topics)))
    found = connection.execute(select(inbox.c.topic, inbox.c.ce_id, inbox.c.applied).where(*wanted))
    return {(row.topic, row.ce_id): row.applied for row in found}
