"""Replays on real Kafka: in order, at their rate, through stops and crashes, and gone when they are dropped."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord
from sqlalchemy import Connection, update
from sqlalchemy.ext.asyncio import create_async_engine

from contract.event import Envelope
from contract.topics import replay_topic
from gateway.relay import replays
from gateway.relay.replays import Replayer
from gateway.relay.station import Station
from gateway.store.database import Database
from gateway.store.models import outbox
from gateway.store.replays import Replay, Status, Wanted, replay_by_id, start_replay, turn
from tests.gateway.relay.rows import NOON, a_topic, put, read_topic, until

pytestmark = pytest.mark.kafka

KEYS = [f"p1-{number % 7}" for number in range(300)]


def put_published(connection: Connection) -> None:
    topic = a_topic()
    for number, key in enumerate(KEYS):
        put(connection, topic, key, str(number).encode())
    connection.execute(update(outbox).values(published=NOON))


async def begun(database: Database, rate: int = 100_000) -> Replay:
    name = f"r{uuid.uuid4().hex[:12]}"
    wanted = Wanted(source="dch-pas")
    found = await database.run(start_replay, name, wanted, restricted=False, rate=rate, reason="", actor="ann")
    assert found is not None
    return found


async def now(database: Database, found: Replay) -> Replay:
    again = await database.read(replay_by_id, found.id)
    assert again is not None
    return again


async def comes_to(database: Database, found: Replay, status: Status) -> None:
    async def there() -> bool:
        return (await now(database, found)).status is status

    await until(there, 30)


@asynccontextmanager
async def replaying(database: Database, bootstrap: str, owner: str = "a-relay") -> AsyncIterator[None]:
    stop = asyncio.Event()
    replayer = Replayer(Station(database, bootstrap, "hub", transactional=True, owner=owner))
    task = asyncio.create_task(replayer.run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await task


def in_order(records: list[ConsumerRecord]) -> bool:
    """Whether each person's events stand in their old order, the first time that each appears."""
    numbers: dict[bytes, dict[int, None]] = {}
    for record in records:
        numbers.setdefault(record.key, {})[int(record.value)] = None
    return all([*each] == sorted(each) for each in numbers.values())


async def test_everything_comes_once_more_in_order_and_marked(database: Database, kafka_server: str) -> None:
    await database.run(put_published)
    found = await begun(database)
    async with replaying(database, kafka_server):
        await comes_to(database, found, Status.DONE)
    records = await read_topic(kafka_server, found.topic)
    assert len(records) == len(KEYS) == (await now(database, found)).published
    assert in_order(records)
    assert {Envelope.from_headers(record.headers).replay for record in records} == {found.id}


async def test_a_stopped_one_goes_on_where_it_was(
    database: Database, kafka_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "WINDOW_ROWS", 20)
    await database.run(put_published)
    found = await begun(database, rate=200)
    async with replaying(database, kafka_server):

        async def some() -> bool:
            return 0 < (await now(database, found)).published < len(KEYS)

        await until(some, 30)
        await database.run(turn, found, Status.STOPPED, "ann", "replay-stopped")
        await asyncio.sleep(1)
        at = (await now(database, found)).published
        assert at < len(KEYS), "it went on"
        await asyncio.sleep(0.5)
        assert (await now(database, found)).published == at
        await database.run(turn, found, Status.RUNNING, "ann", "replay-resumed")
        await comes_to(database, found, Status.DONE)
    records = await read_topic(kafka_server, found.topic)
    assert len(records) == len(KEYS)
    assert in_order(records)


async def test_a_crash_repeats_what_was_not_noted_under_the_same_ids(
    database: Database, kafka_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "WINDOW_ROWS", 100)
    await database.run(put_published)
    found = await begun(database)
    note, crashed = replays.note_progress, asyncio.Event()

    def crash(connection: Connection, *given: object) -> bool:
        if not crashed.is_set():
            crashed.set()
            raise TimeoutError("between Kafka's commit and the note of it")
        return note(connection, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(replays, "note_progress", crash)
    async with replaying(database, kafka_server):
        await comes_to(database, found, Status.DONE)
    records = await read_topic(kafka_server, found.topic)
    ids = [Envelope.from_headers(record.headers).id for record in records]
    assert len(set(ids)) == len(KEYS)
    assert len(ids) == len(KEYS) + 100
    assert {Envelope.from_headers(record.headers).replay for record in records} == {found.id}


async def test_it_keeps_its_rate(database: Database, kafka_server: str) -> None:
    await database.run(put_published)
    found = await begun(database, rate=150)
    began = asyncio.get_running_loop().time()
    async with replaying(database, kafka_server):
        await comes_to(database, found, Status.DONE)
    assert asyncio.get_running_loop().time() - began > 0.9 * (len(KEYS) - 75) / 150  # the last window waits for nobody


async def test_a_dropped_one_takes_its_topic_along(database: Database, kafka_server: str) -> None:
    await database.run(put_published)
    found = await begun(database)
    async with replaying(database, kafka_server):
        await comes_to(database, found, Status.DONE)
        await database.run(turn, found, Status.DROPPING, "ann", "replay-drop-asked")
        await comes_to(database, found, Status.DROPPED)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server)
    await admin.start()
    try:
        assert replay_topic(found.name) not in await admin.list_topics()
    finally:
        await admin.close()


async def test_another_relay_goes_on_when_the_first_has_ended(database: Database, kafka_server: str) -> None:
    await database.run(put_published)
    found = await begun(database, rate=100)
    async with replaying(database, kafka_server, "the-first"):

        async def some() -> bool:
            return (await now(database, found)).published > 0

        await until(some, 30)
    assert (await now(database, found)).status is Status.RUNNING
    async with replaying(database, kafka_server, "the-second"):
        await comes_to(database, found, Status.DONE)
    records = await read_topic(kafka_server, found.topic)
    assert len({Envelope.from_headers(record.headers).id for record in records}) == len(KEYS)
    assert in_order(records)


@pytest.mark.postgres
async def test_it_waits_for_transactions_that_were_under_way_when_it_was_begun(
    postgres: Database, postgres_url: str, kafka_server: str
) -> None:
    """One of them may hold an id that is lower than those that could be seen."""
    await postgres.run(put_published)
    engine = create_async_engine(postgres_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as slow:
        await slow.run_sync(put, a_topic(), "p1-slow", b"300")
        await slow.execute(update(outbox).where(outbox.c.published.is_(None)).values(published=NOON))
        await postgres.run(put_published)
        found = await begun(postgres)
        async with replaying(postgres, kafka_server):
            await asyncio.sleep(3)
            assert (await now(postgres, found)).published == 0
            await slow.commit()
            await comes_to(postgres, found, Status.DONE)
    await engine.dispose()
    records = await read_topic(kafka_server, found.topic)
    assert len(records) == 2 * len(KEYS) + 1
