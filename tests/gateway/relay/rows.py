"""Outbox rows as keep writes them, and topics as a plain read_committed client reads them."""

from __future__ import annotations

import asyncio
import itertools
import uuid
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiokafka.structs import ConsumerRecord
from sqlalchemy import Connection, func, insert, select

from contract.topics import Sector, Topic
from gateway.relay.leases import Stop, group_owners, stops_of
from gateway.relay.relay import Relay
from gateway.store.bodies import pack_body
from gateway.store.database import Database
from gateway.store.models import SHARDS, event, outbox
from tests.topics import plain_records

_sequence = itertools.count(1)
NOON = datetime(2026, 11, 23, 12, 0, 0, 123_000, tzinfo=UTC)


def shard_of(key: str) -> int:
    return zlib.crc32(key.encode()) % SHARDS


def a_topic() -> str:
    """A topic that no other test writes to."""
    return str(Topic(f"t{uuid.uuid4().hex[:12]}", Sector.ACUTE))


def put(
    connection: Connection,
    topic: str,
    key: str,
    body: bytes = b'{"resourceType":"Bundle"}',
    *,
    after: int | None = None,
    late: bool = False,
) -> int:
    """Writes one event and its outbox row; returns the row's id."""
    ce_id = str(uuid.uuid4())
    place = topic.split(".")[1]
    connection.execute(
        insert(event).values(
            id=ce_id,
            number=0,
            source="dch-pas",
            type="patient-admitted-1",
            person_key=key,
            happened=NOON,
            received=NOON,
            sequence=next(_sequence),
            restricted=False,
            **pack_body(body).columns(),
        )
    )
    row = insert(outbox).values(
        event=ce_id,
        topic=topic,
        place=place,
        sector="acute",
        organisation="RBD",
        person_key=key,
        shard=shard_of(key),
        size=len(body),
        after_outbox_id=after,
        late=late,
        created=NOON,
    )
    return int(connection.execute(row.returning(outbox.c.id)).scalar_one())


def put_many(connection: Connection, topic: str, keys: Sequence[str], bodies: Sequence[bytes]) -> list[int]:
    return [put(connection, topic, key, body) for key, body in zip(keys, bodies, strict=True)]


def unpublished(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).where(outbox.c.published.is_(None))).scalar_one())


async def stops(database: Database) -> dict[int, Stop]:
    """What the relays have told that stops their groups."""
    return stops_of(await database.read(group_owners))


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Waits until the condition (a function or coroutine function) holds; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            result = condition()
            if asyncio.iscoroutine(result):
                result = await result
            if result:
                return
            await asyncio.sleep(0.02)


async def all_published(database: Database, seconds: float = 20.0) -> None:
    async def none_left() -> bool:
        return await database.read(unpublished) == 0

    await until(none_left, seconds)


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[Relay]:
    """The relay runs inside the block and must end without an error."""
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(stop))
    try:
        yield relay
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await task


async def read_topic(
    bootstrap: str, topic: str, *, isolation: str = "read_committed", settled: bool = True
) -> list[ConsumerRecord]:
    """Everything a plain client sees in a topic, in offset order per partition; now, where `settled` is false."""
    records = await plain_records(bootstrap, [topic], isolation=isolation, settled=settled)
    return sorted(records, key=lambda r: (r.partition, r.offset))
