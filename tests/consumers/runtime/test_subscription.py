"""What the runtime keeps for every app: on the stand-in and on real Kafka, on both databases."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select

from carehub.broker.local import LocalKafka
from carehub.broker.stand_in import StandIn
from consumers.app import App, Apply
from consumers.database import Database
from consumers.event import Event
from consumers.faults import PermanentFault
from consumers.runtime.patience import Patience
from consumers.runtime.subscription import Subscription
from contract.topics import dead_letter_topic
from gateway.relay.topics import create_topics
from tests.consumers.events import Sent, a_topic, bundle, envelope, publish
from tests.gateway.relay.rows import read_topic, until

tables = MetaData()
seen = Table("seen", tables, Column("n", Integer, primary_key=True), Column("subject", String), Column("ce_id", String))


def note(event: Event, connection: Connection) -> None:
    connection.execute(insert(seen).values(subject=event.envelope.subject, ce_id=event.envelope.id))


def noted(connection: Connection) -> list[tuple[str, str]]:
    return [(row.subject, row.ce_id) for row in connection.execute(select(seen).order_by(seen.c.n))]


@asynccontextmanager
async def consuming(subscription: Subscription) -> AsyncIterator[Subscription]:
    stop = asyncio.Event()
    task = asyncio.create_task(subscription.run(stop))
    try:
        yield subscription
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await task


class RuntimeContract:
    """Inherited by a class per broker."""

    admin: bool

    @pytest.fixture
    def bootstrap(self) -> object:
        raise NotImplementedError

    @pytest.fixture
    async def topic(self, bootstrap: str) -> str:
        name = a_topic()
        if self.admin:
            await create_topics(bootstrap, [name])
        return name

    @pytest.fixture
    def subscribe(self, database: Database, bootstrap: str) -> Callable[..., Subscription]:
        def make(topics: str | tuple[str, ...], apply: Apply = note) -> Subscription:
            named = topics if isinstance(topics, str) else topics[0]
            app = App("a" + re.sub("[^a-z0-9]", "", named), apply, topics, prepare=tables.create_all)
            return Subscription(app, database, bootstrap, admin=self.admin, patience=Patience(0.1, 0.4))

        return make

    async def test_each_event_is_applied_once_in_order_however_often_it_comes(
        self, database: Database, bootstrap: str, topic: str, subscribe: Callable[..., Subscription]
    ) -> None:
        sent = [envelope(f"p1-{n % 3}") for n in range(30)]
        twice = [Sent(each, bundle()) for each in (*sent[:20], *sent[5:15], *sent[20:], sent[0])]
        await publish(bootstrap, topic, twice)
        async with consuming(subscribe((topic,))) as subscription:
            await until(lambda: subscription.counts.applied + subscription.counts.repeats == len(twice))
        found = await database.run(noted)
        for key in ("p1-0", "p1-1", "p1-2"):
            assert [i for k, i in found if k == key] == [each.id for each in sent if each.subject == key]
        assert (subscription.counts.applied, subscription.counts.repeats) == (30, 11)

    async def test_a_restart_goes_on_where_it_stopped(
        self, database: Database, bootstrap: str, topic: str, subscribe: Callable[..., Subscription]
    ) -> None:
        first, second = envelope(), envelope()
        await publish(bootstrap, topic, [Sent(first, bundle())])
        async with consuming(subscribe((topic,))) as before:
            await until(lambda: before.counts.applied == 1)
        await publish(bootstrap, topic, [Sent(second, bundle())])
        async with consuming(subscribe((topic,))) as after:
            await until(lambda: after.counts.applied == 1)
        assert after.counts.repeats == 0
        assert [ce_id for _, ce_id in await database.run(noted)] == [first.id, second.id]

    async def test_a_fault_that_may_pass_makes_the_partition_wait_and_keeps_the_order(
        self, database: Database, bootstrap: str, topic: str, subscribe: Callable[..., Subscription]
    ) -> None:
        sent = [envelope() for _ in range(6)]
        failing = {"left": 3}

        def stumble(event: Event, connection: Connection) -> None:
            note(event, connection)
            if event.envelope.id == sent[3].id and failing["left"]:
                failing["left"] -= 1
                raise ConnectionError("the ward list is away")

        await publish(bootstrap, topic, [Sent(each, bundle()) for each in sent])
        async with consuming(subscribe((topic,), stumble)) as subscription:
            await until(lambda: subscription.snapshot()["waiting"] != [])
            await until(lambda: subscription.counts.applied == 6)
            assert subscription.snapshot()["waiting"] == []
        assert [ce_id for _, ce_id in await database.run(noted)] == [each.id for each in sent]
        assert subscription.counts.buried == 0

    async def test_what_can_never_work_goes_to_the_dead_letter_topic_as_it_came(
        self, database: Database, bootstrap: str, topic: str, subscribe: Callable[..., Subscription]
    ) -> None:
        good, bad, alien = envelope(), envelope(), envelope()

        def refuse(event: Event, connection: Connection) -> None:
            note(event, connection)
            if event.envelope.id == bad.id:
                raise PermanentFault("unknown-ward")

        stranger = Sent(alien, b"not ours", [("other", b"1")])
        await publish(bootstrap, topic, [Sent(bad, bundle()), stranger, Sent(good, bundle())])
        subscription = subscribe((topic,), refuse)
        async with consuming(subscription):
            await until(lambda: (subscription.counts.applied, subscription.counts.buried) == (1, 2))
        assert [ce_id for _, ce_id in await database.run(noted)] == [good.id]
        group = str(subscription.snapshot()["group"])
        first, second = await read_topic(bootstrap, dead_letter_topic(topic, group))
        assert (first.key, first.value) == (b"p1-a", bundle())
        assert first.headers[: len(bad.headers())] == tuple(bad.headers())
        assert dict(first.headers)["dead_reason"] == b"unknown-ward"
        assert (second.value, dict(second.headers)["dead_reason"]) == (b"not ours", b"not-an-event")
        assert dict(second.headers)["dead_offset"] == b"1"


class TestOnTheStandIn(RuntimeContract):
    admin = False

    @pytest.fixture
    def bootstrap(self) -> Iterator[str]:
        with StandIn() as broker:
            yield broker.address


@pytest.mark.kafka
class TestOnKafka(RuntimeContract):
    admin = True

    @pytest.fixture
    def bootstrap(self, kafka_server: str) -> str:
        return kafka_server

    async def test_a_topic_that_appears_later_is_found_by_its_pattern(
        self, bootstrap: str, subscribe: Callable[..., Subscription]
    ) -> None:
        topic = a_topic()
        async with consuming(subscribe("^" + re.escape(topic) + "$")) as subscription:
            await until(lambda: subscription._consumer is not None)
            await create_topics(bootstrap, [topic])
            await publish(bootstrap, topic, [Sent(envelope(), bundle())])
            await until(lambda: subscription.counts.applied == 1)

    async def test_members_of_a_group_share_the_work_and_take_over(
        self, database: Database, bootstrap: str, topic: str, subscribe: Callable[..., Subscription]
    ) -> None:
        def partitions(subscription: Subscription) -> object:
            return subscription.snapshot()["partitions"]

        sent = [envelope(f"p1-{n % 20}") for n in range(200)]
        async with consuming(subscribe((topic,))) as first:
            await publish(bootstrap, topic, [Sent(each, bundle()) for each in sent[:80]])
            async with consuming(subscribe((topic,))) as second:
                await until(lambda: (partitions(first), partitions(second)) == (12, 12))
                await publish(bootstrap, topic, [Sent(each, bundle()) for each in sent[80:140]])
                await until(lambda: second.counts.applied > 0)
            await publish(bootstrap, topic, [Sent(each, bundle()) for each in sent[140:]])
            await until(lambda: first.counts.applied + second.counts.applied == 200)
        found = await database.run(noted)
        for key in {each.subject for each in sent}:
            assert [i for k, i in found if k == key] == [each.id for each in sent if each.subject == key]

    async def test_what_the_hub_took_back_is_never_applied(
        self, database: Database, bootstrap: str, topic: str, subscribe: Callable[..., Subscription]
    ) -> None:
        taken_back, kept = envelope(), envelope()
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
        await producer.start()
        await producer.begin_transaction()
        await producer.send_and_wait(topic, bundle(), key=b"p1-a", headers=taken_back.headers())
        await producer.abort_transaction()
        await producer.stop()
        await publish(bootstrap, topic, [Sent(kept, bundle())])
        async with consuming(subscribe((topic,))) as subscription:
            await until(lambda: subscription.counts.applied == 1)
        assert [ce_id for _, ce_id in await database.run(noted)] == [kept.id]

    async def test_a_broker_that_comes_back_is_read_again_and_one_that_does_not_stops_nobody_from_leaving(
        self, kafka: LocalKafka, topic: str, subscribe: Callable[..., Subscription]
    ) -> None:
        await publish(kafka.address, topic, [Sent(envelope(), bundle())])
        try:
            async with consuming(subscribe((topic,))) as subscription:
                await until(lambda: subscription.counts.applied == 1)
                await asyncio.to_thread(kafka.stop)
                await asyncio.to_thread(kafka.start)
                await publish(kafka.address, topic, [Sent(envelope(), bundle())])
                await until(lambda: subscription.counts.applied == 2, 60)
                await asyncio.to_thread(kafka.stop)
        finally:
            if kafka.process_id is None:
                await asyncio.to_thread(kafka.start)
