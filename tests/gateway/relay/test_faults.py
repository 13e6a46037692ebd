"""Real Kafka under faults: fencing, takeover, a row committed late, a broker that goes away."""

import asyncio
import itertools
import uuid

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import Connection, func, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from carehub.broker.local import LocalKafka
from contract.event import Envelope
from gateway.relay import group, leases
from gateway.relay.leases import prepare_leases
from gateway.relay.outbox import Outgoing, Published, next_window
from gateway.relay.publisher import FencedError, Publisher
from gateway.relay.relay import Relay
from gateway.relay.station import Station
from gateway.relay.topics import Topics, create_topics
from gateway.store.database import Database
from gateway.store.models import GROUPS, outbox
from tests.gateway.relay.rows import a_topic, all_published, put, put_many, read_topic, relaying, unpublished, until
from tests.servers import Postgres

pytestmark = pytest.mark.kafka


def a_relay(database: Database, bootstrap: str, owner: str, hub: str = "") -> Relay:
    return Relay(Station(database, bootstrap, hub or uuid.uuid4().hex[:8], transactional=True, owner=owner))


async def test_a_former_owner_s_window_never_shows(database: Database, kafka_server: str) -> None:
    topic, identity = a_topic(), f"carehub-relay-{uuid.uuid4().hex}-0"
    await create_topics(kafka_server, [topic])
    await database.run(put, topic, "p1-a", b"1")
    window = await database.read(next_window, range(64))
    async with Publisher(kafka_server, identity) as former, Publisher(kafka_server, identity) as owner:
        with pytest.raises(FencedError):
            await former.publish(window)
        await owner.publish(window)
    assert len(await read_topic(kafka_server, topic)) == 1


@pytest.mark.parametrize("hub_url", ["sqlite"], indirect=True)
async def test_a_former_owner_learns_in_the_middle_of_a_window_that_it_is_fenced(
    database: Database, kafka_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, identity = a_topic(), f"carehub-relay-{uuid.uuid4().hex}-0"
    await create_topics(kafka_server, [topic])
    for body in (b"1", b"2", b"3"):
        await database.run(put, topic, "p1-a", body)
    window = await database.read(next_window, range(64))
    async with Publisher(kafka_server, identity) as former, Publisher(kafka_server, identity):
        send = former._producer.send

        async def send_one_after_the_other(*args: object, **kwargs: object) -> object:
            answer = await send(*args, **kwargs)
            await asyncio.wait([answer])  # by the third, the producer knows that the second was turned away
            return answer

        monkeypatch.setattr(former._producer, "send", send_one_after_the_other)
        with pytest.raises(FencedError):
            await former.publish(window)
    assert await read_topic(kafka_server, topic) == []


async def test_a_producer_leaves_no_connection_open_though_it_is_cancelled_while_it_closes(kafka_server: str) -> None:
    publisher = Publisher(kafka_server, f"carehub-relay-{uuid.uuid4().hex}-0")
    await publisher.__aenter__()
    connections = list(publisher._producer.client._conns.values())
    leaving = asyncio.create_task(publisher.__aexit__(None, None, None))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait({leaving})
    assert leaving.cancelled()
    assert connections
    assert not [each for each in connections if each.connected()]


@pytest.mark.postgres
async def test_a_relay_stopped_past_its_lease_gets_nothing_through(
    postgres: Database, kafka_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, hub = a_topic(), uuid.uuid4().hex[:8]
    await create_topics(kafka_server, [topic])
    stalled, go_on = asyncio.Event(), asyncio.Event()
    ensure = Topics.ensure

    async def stall(self: Topics, names: set[str]) -> None:
        if self is sleeper._topics:  # the sleeper has read its window and not yet published it
            stalled.set()
            await go_on.wait()
        await ensure(self, names)

    async def stopped(*, first: bool) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Topics, "ensure", stall)
    sleeper, successor = a_relay(postgres, kafka_server, "sleeper", hub), a_relay(postgres, kafka_server, "next", hub)
    for number in range(5):
        await postgres.run(put, topic, "p1-a", str(number).encode())
    async with relaying(sleeper):
        await stalled.wait()
        monkeypatch.setattr(sleeper, "_renew", stopped)
        await postgres.run(lambda c: c.execute(text("UPDATE relay_lease SET owner = 'gone', until = now()")).close())
        async with relaying(successor):
            await all_published(postgres)
            go_on.set()
            await until(lambda: "FencedError" in {each.stop.error for each in sleeper.groups if each.stop})
            await postgres.run(put, topic, "p1-a", b"5")
            await all_published(postgres)
    records = await read_topic(kafka_server, topic)
    assert [record.value for record in records] == [b"0", b"1", b"2", b"3", b"4", b"5"]


@pytest.mark.postgres
async def test_a_dead_relay_s_groups_are_taken_over_when_their_leases_run_out(
    postgres: Database, kafka_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = a_topic()
    await postgres.run(prepare_leases)
    dead = "UPDATE relay_lease SET owner = 'dead', until = clock_timestamp() + interval '1.5 seconds'"
    await postgres.run(lambda c: c.execute(text(dead)).close())
    await postgres.run(put, topic, "p1-a", b"1")
    async with relaying(a_relay(postgres, kafka_server, "heir")):
        await asyncio.sleep(1)
        assert await postgres.read(unpublished) == 1
        await all_published(postgres, leases.LEASE_SECONDS)


@pytest.mark.postgres
async def test_two_relays_share_the_groups_and_a_leaver_hands_over_at_once(
    postgres: Database, kafka_server: str
) -> None:
    topic, hub = a_topic(), uuid.uuid4().hex[:8]
    first, second = a_relay(postgres, kafka_server, "first", hub), a_relay(postgres, kafka_server, "second", hub)
    async with relaying(first):
        async with relaying(second):
            await until(lambda: (len(first._groups), len(second._groups)) == (4, 4))
            for number in range(64):
                await postgres.run(put, topic, f"p1-{number}", b"1")
            await all_published(postgres)
        await until(lambda: len(first._groups) == 8, leases.LEASE_SECONDS)
    assert len(await read_topic(kafka_server, topic)) == 64


@pytest.mark.postgres
async def test_a_row_committed_late_is_not_skipped(postgres: Database, postgres_url: str, kafka_server: str) -> None:
    topic = a_topic()
    slow = create_async_engine(postgres_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with slow.connect() as connection, relaying(a_relay(postgres, kafka_server, "relay")):
        early = await connection.run_sync(put, topic, "p1-slow", b"1")
        later = await postgres.run(put, topic, "p1-quick", b"2")
        assert early < later
        await all_published(postgres)
        await connection.commit()
        await all_published(postgres)
    await slow.dispose()
    assert {record.value for record in await read_topic(kafka_server, topic)} == {b"1", b"2"}


async def test_a_broker_that_comes_back_gets_everything_in_order(database: Database, kafka: LocalKafka) -> None:
    topic = a_topic()
    relay = a_relay(database, kafka.address, "relay")
    async with relaying(relay):
        await database.run(put, topic, "p1-a", b"0")
        await all_published(database)
        await asyncio.to_thread(kafka.stop)
        try:
            for number in range(1, 20):
                await database.run(put, topic, "p1-a", str(number).encode())
            relay.wake()
            await until(lambda: any(each.stop for each in relay.groups))
        finally:
            await asyncio.to_thread(kafka.start)
        await all_published(database, 60)
        await until(lambda: not any(each.stop for each in relay.groups))
    records = await read_topic(kafka.address, topic)
    seen = list(dict.fromkeys(Envelope.from_headers(record.headers).id for record in records))
    numbers = {Envelope.from_headers(record.headers).id: int(record.value) for record in records}
    assert [numbers[ce_id] for ce_id in seen] == list(range(20))


async def test_a_backlog_drains_in_order_while_new_events_arrive(database: Database, kafka: LocalKafka) -> None:
    topic, persons, waiting = a_topic(), 37, 600
    relay = a_relay(database, kafka.address, "relay")
    numbers = itertools.count()

    def next_rows(connection: Connection, count: int) -> int:
        taken = list(itertools.islice(numbers, count))
        keys, bodies = [f"p1-{n % persons}" for n in taken], [str(n).encode() for n in taken]
        return put_many(connection, topic, keys, bodies)[-1]

    await asyncio.to_thread(kafka.stop)
    try:
        last = await database.run(next_rows, waiting)
    finally:
        await asyncio.to_thread(kafka.start)
    arrived = 0
    async with relaying(relay), asyncio.timeout(60):
        while await database.read(unpublished_until, last):
            await database.run(next_rows, 7)
            arrived += 7
            relay.wake()
            await asyncio.sleep(0.01)
        await all_published(database)
    assert arrived > 7, "new events came while the backlog drained"
    records = await read_topic(kafka.address, topic)
    assert len(records) == waiting + arrived
    for person in range(persons):
        seen = [int(record.value) for record in records if record.key == f"p1-{person}".encode()]
        assert seen == list(range(person, waiting + arrived, persons))


def unpublished_until(connection: Connection, last: int) -> int:
    left = select(func.count()).select_from(outbox).where(outbox.c.published.is_(None), outbox.c.id <= last)
    return int(connection.execute(left).scalar_one())


async def test_an_unfinished_transaction_is_shown_to_nobody(kafka_server: str) -> None:
    topic = a_topic()
    await create_topics(kafka_server, [topic])
    producer = AIOKafkaProducer(bootstrap_servers=kafka_server, transactional_id=uuid.uuid4().hex)
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"1", key=b"p1-a")
    assert await read_topic(kafka_server, topic, settled=False) == []
    await producer.abort_transaction()
    await producer.stop()
    assert await read_topic(kafka_server, topic) == []
    assert len(await read_topic(kafka_server, topic, isolation="read_uncommitted")) == 1


@pytest.mark.postgres
async def test_a_database_that_comes_back_is_relayed_again(
    postgres: Database, postgres_server: Postgres, kafka_server: str
) -> None:
    topic = a_topic()
    relay = a_relay(postgres, kafka_server, "relay")
    async with relaying(relay):
        await postgres.run(put, topic, "p1-a", b"0")
        await all_published(postgres)
        await asyncio.to_thread(postgres_server.stop)
        try:
            await until(lambda: relay.database_error)
        finally:
            await asyncio.to_thread(postgres_server.start)
        await until(lambda: relay.database_error is None)
        await postgres.run(put, topic, "p1-a", b"1")
        await all_published(postgres)
    assert [record.value for record in await read_topic(kafka_server, topic)] == [b"0", b"1"]


@pytest.mark.postgres
async def test_groups_that_end_slowly_cost_no_other_group_its_lease(
    postgres: Database, kafka_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = uuid.uuid4().hex[:8]
    first, second = (a_relay(postgres, kafka_server, owner, hub) for owner in ("first", "second"))
    end = Relay._end

    async def end_slowly(self: Relay, group: int, *, at_once: bool) -> None:
        await asyncio.sleep(1.5 * leases.LEASE_SECONDS)
        await end(self, group, at_once=at_once)

    async with relaying(first):
        await until(lambda: len(first._groups) == GROUPS)
        monkeypatch.setattr(Relay, "_end", end_slowly)
        async with relaying(second):
            await until(lambda: len(first._ending) == GROUPS // 2)
            stay = first._groups.keys() - first._ending.keys()
            while first._ending:
                owners = {each.group: each.owner for each in await postgres.read(leases.group_owners)}
                assert {owners[group] for group in stay} == {"first"}
                await asyncio.sleep(0.2)
            monkeypatch.setattr(Relay, "_end", end)
            await until(lambda: len(second._groups) == GROUPS // 2)


@pytest.mark.parametrize("hub_url", ["sqlite"], indirect=True)
async def test_a_window_that_is_too_much_for_kafka_is_tried_again_as_smaller_ones(
    database: Database, kafka_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, publish, sizes = a_topic(), Publisher.publish, list[int]()

    async def publish_slowly(self: Publisher, window: list[Outgoing]) -> list[Published]:
        sizes.append(len(window))
        if len(window) > 5:
            raise TimeoutError
        return await publish(self, window)

    monkeypatch.setattr(Publisher, "publish", publish_slowly)
    monkeypatch.setattr(group, "WINDOW_ROWS", 32)
    monkeypatch.setattr(group, "LONGEST_PAUSE_SECONDS", 0.05)
    await database.run(put_many, topic, ["p1-a"] * 40, [str(number).encode() for number in range(40)])
    async with relaying(a_relay(database, kafka_server, "slow")):
        await all_published(database)
    assert [int(record.value) for record in await read_topic(kafka_server, topic)] == [*range(40)]
    assert sizes[:4] == [32, 16, 8, 4]
