"""Real Kafka that is there and takes nothing: a topic with a smaller limit, a topic that somebody deleted."""

import asyncio
import uuid

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from gateway.relay.relay import Relay
from gateway.relay.station import Station
from gateway.store.database import Database
from tests.gateway.relay.rows import a_topic, all_published, put, read_topic, relaying, stops, until
from tests.topics import make_topic

pytestmark = pytest.mark.kafka


@pytest.fixture
def relay(database: Database, kafka_server: str) -> Relay:
    return Relay(Station(database, kafka_server, uuid.uuid4().hex[:8], transactional=True, owner="relay-1"))


def set_limit(bootstrap: str, topic: str, size: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    change = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource("topic", topic, incremental_configs=[change])
    for done in admin.incremental_alter_configs([resource]).values():
        done.result()


async def delete(bootstrap: str, topic: str) -> None:
    """Until brokers know it too: one that does not yet takes records, and deletes them with the topic."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.delete_topics([topic])[topic].result()
    await until(lambda: topic not in admin.list_topics(timeout=10).topics)


async def goes_on(database: Database) -> bool:
    return not await stops(database)


async def test_what_stops_a_group_is_told_for_as_long_as_it_does(
    database: Database, kafka_server: str, relay: Relay
) -> None:
    topic = a_topic()
    make_topic(kafka_server, topic, max_message_bytes="500")
    await database.run(put, topic, "p1-a", b'"' + b"x" * 1_000 + b'"')
    async with relaying(relay):

        async def is_too_large() -> bool:
            return {each.error for each in (await stops(database)).values()} == {"MessageSizeTooLargeError"}

        await until(is_too_large)
        since = {group: stop.since for group, stop in (await stops(database)).items()}
        for _ in range(100):  # tried again meanwhile, it is the same stop
            await asyncio.sleep(0.02)
            assert {each.group: each.stop.since for each in relay.groups if each.stop} == since
        assert {group: stop.since for group, stop in (await stops(database)).items()} == since
        set_limit(kafka_server, topic, 16 * 1024 * 1024)
        await all_published(database)
        await until(lambda: goes_on(database))


async def test_a_topic_that_was_deleted_is_made_again(database: Database, kafka_server: str, relay: Relay) -> None:
    topic = a_topic()
    async with relaying(relay):
        await database.run(put, topic, "p1-a", b"1")
        await all_published(database)
        await delete(kafka_server, topic)
        for number in (2, 3):
            await database.run(put, topic, "p1-a", str(number).encode())
        await all_published(database, seconds=60)
    assert [record.value for record in await read_topic(kafka_server, topic)] == [b"2", b"3"]
