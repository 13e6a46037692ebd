"""Who has consumed what, as Kafka tells it: quickly, or not at all."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from carehub.broker.process import free_ports
from carehub.broker.stand_in import StandIn
from gateway import consumption
from gateway.consumption import ANSWER_SECONDS, KAFKA_AWAY, NO_KAFKA, TELLS_NOTHING, ConsumerGroups
from gateway.relay.topics import create_topics
from tests.gateway.relay.rows import a_topic


@asynccontextmanager
async def silence() -> AsyncIterator[str]:
    """A port that takes connections and never says a word."""
    held: list[asyncio.StreamWriter] = []

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for writer in held:
        writer.close()
    server.close()
    await server.wait_closed()


async def commit(bootstrap: str, group: str, offsets: Mapping[TopicPartition, int]) -> None:
    """As a group's only member would."""
    member = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    await member.start()
    try:
        member.assign(list(offsets))
        await member.commit(dict(offsets))
    finally:
        await member.stop()


async def test_without_kafka_the_answer_says_so() -> None:
    assert (await ConsumerGroups(None).look({("care.qvv.acute.v1", 0)})).unknown == NO_KAFKA
    assert (await ConsumerGroups(None).look(())).unknown is None


async def test_a_kafka_that_is_away_or_silent_is_not_waited_for() -> None:
    async with silence() as silent:
        for bootstrap in (f"127.0.0.1:{free_ports(1)[0]}", silent):
            groups, begun = ConsumerGroups(bootstrap), time.monotonic()
            found = await asyncio.gather(*(groups.look({(f"topic-{n}", 0)}) for n in range(5)))
            assert [each.unknown for each in found] == [KAFKA_AWAY] * 5
            assert time.monotonic() - begun < 3.5
            begun = time.monotonic()
            assert (await groups.look({("topic-9", 0)})).unknown == KAFKA_AWAY
            assert time.monotonic() - begun < ANSWER_SECONDS / 2


async def test_the_stand_in_does_not_tell_its_groups() -> None:
    with StandIn() as broker:
        assert (await ConsumerGroups(broker.address).look({("topic", 0)})).unknown == TELLS_NOTHING


async def test_an_answer_is_kept_for_seconds_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[str]] = []
    now = 0.0

    async def ask(_: str, partitions: Mapping[str, set[int]]) -> dict[str, dict[str, dict[int, int]]]:
        asked.append(set(partitions))
        return {topic: {"timeline": {0: len(asked)}} for topic in partitions}

    monkeypatch.setattr(consumption, "committed_offsets", ask)
    monkeypatch.setattr(consumption, "KEPT_TOPICS", 2)
    groups = ConsumerGroups("kafka:9092", lambda: now)
    for _ in range(3):
        assert (await groups.look({("a", 0)})).of("a", 0, 0) == {"timeline": True}
    assert asked == [{"a"}]
    await groups.look({("a", 0), ("b", 30)})
    assert asked[1:] == [{"b"}]
    await groups.look({("b", 31)})
    assert asked[2:] == [{"b"}], "a partition beyond those asked for"
    now = consumption.KEPT_SECONDS
    assert (await groups.look({("a", 0)})).of("a", 0, 3) == {"timeline": True}
    await groups.look({("c", 0)})
    await groups.look({("d", 0)})
    assert len(groups._told) <= 2


@pytest.mark.kafka
async def test_a_group_has_consumed_what_lies_before_its_committed_offset(kafka_server: str) -> None:
    topic, other = a_topic(), a_topic()
    await create_topics(kafka_server, {topic, other})
    ahead, behind, elsewhere = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("ahead", "behind", "elsewhere"))
    producer = AIOKafkaProducer(bootstrap_servers=kafka_server, transactional_id=f"test-{topic}")
    await producer.start()
    offsets = []
    for _ in range(2):
        async with producer.transaction():
            offsets.append((await producer.send_and_wait(topic, b"event", partition=3)).offset)
    await producer.stop()
    assert offsets == [0, 2], "a transaction's end takes an offset"
    await commit(kafka_server, ahead, {TopicPartition(topic, 3): 3})
    await commit(kafka_server, behind, {TopicPartition(topic, 3): 2})
    await commit(kafka_server, elsewhere, {TopicPartition(other, 3): 9})
    found = await ConsumerGroups(kafka_server).look({(topic, 3)})
    assert found.unknown is None
    assert found.of(topic, 3, 0) == {ahead: True, behind: True}
    assert found.of(topic, 3, 2) == {ahead: True, behind: False}
    assert found.of(topic, 4, 0) == {ahead: False, behind: False}, "reads the topic, and nothing of this partition yet"
