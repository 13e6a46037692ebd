"""Reads topics as anybody may: a plain consumer in no group, committed events only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from carehub.kafka import need_kafka
from carehub.lifetime import stopped_by_signal
from carehub.output import print_json, print_line
from carehub.settings import Settings
from contract.errors import Misconfigured

ANSWER_SECONDS: Final = 8.0
_POLL_MS: Final = 300


async def follow(settings: Settings, topic: str, *, from_start: bool, count: int | None, as_json: bool) -> None:
    """Prints events of `topic` until Ctrl-C, or until `count` of them have come.

    Raises Misconfigured when Kafka is away or has no such topic.
    """
    bootstrap = need_kafka(settings).bootstrap
    with stopped_by_signal() as asked:
        partitions = await _partitions(bootstrap, topic)
        async with reader(bootstrap, partitions, from_start=from_start) as consumer:
            seen = 0
            while not asked.is_set():
                got = await consumer.getmany(*partitions, timeout_ms=_POLL_MS)
                for record in sorted((r for rs in got.values() for r in rs), key=lambda r: r.timestamp):
                    print_json(as_document(record)) if as_json else print_line(_as_line(record))
                    seen += 1
                    if seen == count:
                        return


async def partitions_of(settings: Settings, topic: str) -> list[dict[str, int]]:
    """Each partition with the offsets where it starts and ends. Raises Misconfigured as `follow` does."""
    bootstrap = need_kafka(settings).bootstrap
    partitions = await _partitions(bootstrap, topic)
    async with reader(bootstrap, partitions) as consumer:
        starts, ends = await asyncio.gather(consumer.beginning_offsets(partitions), consumer.end_offsets(partitions))
        return [{"partition": p.partition, "start": starts[p], "end": ends[p]} for p in partitions]


async def sizes_of(settings: Settings, topics: Collection[str]) -> dict[str, tuple[int, int]]:
    """For each of these topics that Kafka has: how many partitions, and how many events are in them."""
    bootstrap = need_kafka(settings).bootstrap
    there = {topic: numbers for topic, numbers in (await topics_of(bootstrap)).items() if topic in topics}
    partitions = [TopicPartition(topic, number) for topic, numbers in there.items() for number in numbers]
    if not partitions:
        return {}
    async with reader(bootstrap, partitions) as consumer:
        starts, ends = await asyncio.gather(consumer.beginning_offsets(partitions), consumer.end_offsets(partitions))
    return {
        topic: (len(numbers), sum(ends[p] - starts[p] for p in partitions if p.topic == topic))
        for topic, numbers in there.items()
    }


async def topics_of(bootstrap: str) -> dict[str, list[int]]:
    """The topics that Kafka has, each with the numbers of its partitions. Raises Misconfigured when it is away."""

    def ask() -> dict[str, list[int]]:
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        found = admin.list_topics(timeout=ANSWER_SECONDS)
        return {name: sorted(topic.partitions) for name, topic in found.topics.items()}

    try:
        return await asyncio.to_thread(ask)
    except KafkaException:
        raise Misconfigured(f"Kafka at {bootstrap} does not answer: is it running?") from None


@asynccontextmanager
async def reader(
    bootstrap: str,
    partitions: Iterable[TopicPartition],
    *,
    from_start: bool = True,
    isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer in no group, at the start or the end of these partitions. Raises Misconfigured when Kafka is away."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level=isolation,
        enable_auto_commit=False,
        auto_offset_reset="earliest" if from_start else "latest",
        request_timeout_ms=10_000,
    )
    try:
        await consumer.start()
    except KafkaConnectionError:
        raise Misconfigured(f"Kafka at {bootstrap} does not answer: is it running?") from None
    try:
        consumer.assign(list(partitions))
        await asyncio.sleep(0)  # its tasks must have begun, or aiokafka's stop() raises their cancellation
        yield consumer
    except KafkaError as fault:
        raise Misconfigured(f"Kafka at {bootstrap} answered {type(fault).__name__}") from None
    finally:
        await consumer.stop()


def as_document(record: ConsumerRecord[bytes, bytes]) -> dict[str, Any]:
    """An event as JSON: where it lay, its key, its headers and its value."""
    import orjson

    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key.decode() if record.key else None,
        "headers": {name: value.decode() for name, value in record.headers},
        "value": orjson.loads(record.value) if record.value else None,
    }


async def _partitions(bootstrap: str, topic: str) -> list[TopicPartition]:
    numbers = (await topics_of(bootstrap)).get(topic)
    if not numbers:
        raise Misconfigured(f"Kafka has no topic {topic}: it appears with its first event (carehub topics list)")
    return [TopicPartition(topic, number) for number in numbers]


def _as_line(record: ConsumerRecord[bytes, bytes]) -> str:
    headers = {name: value.decode() for name, value in record.headers}
    told = (headers.get(name, "-") for name in ("ce_time", "ce_type", "ce_source", "ce_subject", "ce_id"))
    return f"{record.partition}/{record.offset}  " + "  ".join(told)
