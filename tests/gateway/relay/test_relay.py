"""What every relay keeps, on the stand-in and on real Kafka, and on both databases."""

import uuid
from collections.abc import Iterator

import pytest
from aiokafka.structs import ConsumerRecord
from sqlalchemy import Connection, select

from carehub.broker.stand_in import StandIn
from contract.event import Envelope
from contract.topics import PARTITIONS
from gateway.relay.relay import Relay
from gateway.relay.station import Station
from gateway.store.database import Database
from gateway.store.models import outbox
from tests.gateway.relay.rows import a_topic, all_published, put, put_many, read_topic, relaying, until


def numbers_of(records: list[ConsumerRecord], key: str) -> list[int]:
    return [int(record.value) for record in records if record.key == key.encode()]


def placed(connection: Connection) -> dict[int, tuple[int, int]]:
    columns = (outbox.c.id, outbox.c.partition, outbox.c.offset)
    return {row.id: (row.partition, row.offset) for row in connection.execute(select(*columns))}


class RelayContract:
    """Inherited by a class per broker, which brings the fixture `bootstrap`."""

    transactional: bool

    @pytest.fixture
    async def relay(self, database: Database, bootstrap: str) -> Relay:
        hub = uuid.uuid4().hex[:8]
        return Relay(Station(database, bootstrap, hub_id=hub, transactional=self.transactional, owner="this-relay"))

    async def test_a_person_s_events_appear_in_the_order_they_were_kept(
        self, database: Database, bootstrap: str, relay: Relay
    ) -> None:
        topic = a_topic()
        keys = [f"p1-{number * number % 41}" for number in range(600)]
        bodies = [str(number).encode() for number in range(len(keys))]
        async with relaying(relay):
            for start in range(0, 600, 50):
                await database.run(put_many, topic, keys[start : start + 50], bodies[start : start + 50])
                relay.wake()
            await all_published(database)
        records = await read_topic(bootstrap, topic)
        assert len(records) == 600
        for key in set(keys):
            assert numbers_of(records, key) == [number for number, k in enumerate(keys) if k == key]

    async def test_key_headers_and_bytes_are_those_of_the_event_and_its_place_in_kafka_is_noted(
        self, database: Database, bootstrap: str, relay: Relay
    ) -> None:
        topic = a_topic()
        body = b'{"resourceType":"Bundle"}' * 100
        row = await database.run(put, topic, "p1-somebody", body)
        async with relaying(relay):
            await all_published(database)
        (record,) = await read_topic(bootstrap, topic)
        assert (record.key, record.value) == (b"p1-somebody", body)
        assert Envelope.from_headers(record.headers).subject == "p1-somebody"
        assert dict(record.headers)["content-type"] == b"application/fhir+json"
        assert await database.read(placed) == {row: (record.partition, record.offset)}

    async def test_rows_that_wait_for_another_leave_after_it(
        self, database: Database, bootstrap: str, relay: Relay
    ) -> None:
        topic = a_topic()
        old = await database.run(put, topic, "p1-old", b"1")
        await database.run(put, topic, "p1-new", b"2", after=old)
        await database.run(put, topic, "p1-new", b"3")
        async with relaying(relay):
            await all_published(database)
        records = await read_topic(bootstrap, topic)
        assert numbers_of(records, "p1-new") == [2, 3]
        times = {int(record.value): record.timestamp for record in records}
        assert times[1] <= times[2]

    async def test_what_was_published_before_a_restart_is_not_published_again(
        self, database: Database, bootstrap: str, relay: Relay
    ) -> None:
        topic = a_topic()
        await database.run(put, topic, "p1-a", b"1")
        async with relaying(relay):
            await all_published(database)
        await database.run(put, topic, "p1-a", b"2")
        again = Relay(Station(database, bootstrap, hub_id="again", transactional=self.transactional, owner="restarted"))
        async with relaying(again):
            await all_published(database)
        assert numbers_of(await read_topic(bootstrap, topic), "p1-a") == [1, 2]

    async def test_it_tells_of_every_group_and_what_it_did(self, database: Database, relay: Relay) -> None:
        await database.run(put, a_topic(), "p1-a", b"1")
        async with relaying(relay):
            await all_published(database)

            await until(lambda: sorted(each.published for each in relay.groups) == [0] * 7 + [1])
            assert relay.database_error is None
            assert [each.stop for each in relay.groups] == [None] * 8
        assert relay.groups == []


class TestOnTheStandIn(RelayContract):
    transactional = False

    @pytest.fixture
    def bootstrap(self) -> Iterator[str]:
        with StandIn() as broker:
            yield broker.address


@pytest.mark.kafka
class TestOnKafka(RelayContract):
    transactional = True

    @pytest.fixture
    def bootstrap(self, kafka_server: str) -> str:
        return kafka_server

    async def test_topics_are_made_with_their_partitions_and_take_the_largest_event(
        self, database: Database, bootstrap: str, relay: Relay
    ) -> None:
        topic = a_topic()
        largest = b"x" * (16 * 1024 * 1024 - 64 * 1024)
        await database.run(put, topic, "p1-a", largest)
        async with relaying(relay):
            await all_published(database)
        (record,) = await read_topic(bootstrap, topic)
        assert len(record.value) == len(largest)
        from confluent_kafka.admin import AdminClient

        described = AdminClient({"bootstrap.servers": bootstrap}).list_topics(topic, timeout=10)
        assert len(described.topics[topic].partitions) == PARTITIONS
