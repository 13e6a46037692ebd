"""What the runtime keeps for every app: on the stand-in and on real Kafka, on both databases."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select

from carehub.broker.local import LocalKafka
from carehub.broker.stand_in import StandIn
from consumers.app import App, Apply, ApplyAll
from consumers.database import Database
from consumers.event import Event
from consumers.faults import PermanentFault
from consumers.runtime.gaps import CHECK_SECONDS, GAP_SECONDS
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
    """Inherited by a class per broker, which brings the fixture `bootstrap`."""

    admin: bool

    @pytest.fixture
    async def topic(self, bootstrap: str) -> str:
        name = a_topic()
        if self.admin:
            await create_topics(bootstrap, [name])
        return name

    @pytest.fixture
    def subscribe(self, database: Database, bootstrap: str) -> Callable[..., Subscription]:
        def make(topics: str | tuple[str, ...], apply: Apply = note, apply_all: ApplyAll | None = None) -> Subscription:
            named = topics if isinstance(topics, str) else topics[0]
            app = App("a" + re.sub("[^a-z0-9]", "", named), apply, topics, tables.create_all, apply_all)
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

    async def test_an_app_that_takes_batches_buries_only_what_is_at_fault(
        self, database: Database, bootstrap: str, topic: str, subscribe: Callable[..., Subscription]
    ) -> None:
        sent = [envelope() for _ in range(20)]
        sizes: list[int] = []

        def take(events: Sequence[Event], connection: Connection) -> None:
            sizes.append(len(events))
            for event in events:
                note(event, connection)
            if sent[7].id in {event.envelope.id for event in events}:
                raise PermanentFault("unknown-ward")

        def one(event: Event, connection: Connection) -> None:
            raise AssertionError("an app with apply_all is given batches")

        await publish(bootstrap, topic, [Sent(each, bundle()) for each in (*sent, sent[3])])
        async with consuming(subscribe((topic,), one, take)) as subscription:
            await until(lambda: (subscription.counts.applied, subscription.counts.repeats) == (19, 1))
        assert subscription.counts.buried == 1
        assert [ce_id for _, ce_id in await database.run(noted)] == [each.id for each in sent if each is not sent[7]]
        assert max(sizes) > 1

    @pytest.mark.parametrize("members", [1, 2])
    async def test_topics_that_a_consumer_lost_sight_of_are_read_again_within_seconds(
        self, bootstrap: str, subscribe: Callable[..., Subscription], members: int
    ) -> None:
        place = a_topic().split(".")[1]
        old, other, new = (f"care.{place}{n}.acute.v1" for n in "abc")
        await create_topics(bootstrap, [old, other])
        subscriptions = [subscribe(rf"^care\.{place}[abc]\.acute\.v1$") for _ in range(members)]

        def topics_read() -> list[str]:
            consumers = [each._consumer for each in subscriptions if each._consumer]
            return sorted(each.topic for consumer in consumers for each in consumer.assignment())

        async with AsyncExitStack() as stack:
            for each in subscriptions:
                await stack.enter_async_context(consuming(each))
            await until(lambda: [each.snapshot()["partitions"] for each in subscriptions] == [48 // members] * members)
            for each in subscriptions:
                # as the client does by itself when a broker does not list a topic whose offset is looked up
                assert each._consumer
                each._consumer._client.add_topic(old)
            await until(lambda: set(topics_read()) == {old})
            await create_topics(bootstrap, [new])
            await until(lambda: topics_read() == [old] * 24 + [other] * 24 + [new] * 24, 15)

    async def test_a_group_without_gaps_does_not_rebalance(
        self, bootstrap: str, topic: str, subscribe: Callable[..., Subscription]
    ) -> None:
        async with consuming(subscribe((topic,))) as first, consuming(subscribe((topic,))) as second:
            await until(lambda: (first.snapshot()["partitions"], second.snapshot()["partitions"]) == (12, 12))
            before = [each._consumer._coordinator.generation for each in (first, second) if each._consumer]
            await asyncio.sleep(GAP_SECONDS + 2 * CHECK_SECONDS)
            after = [each._consumer._coordinator.generation for each in (first, second) if each._consumer]
        assert before == after
        assert len(after) == 2

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
