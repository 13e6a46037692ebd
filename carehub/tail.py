"""Reads a topic as anybody may: a plain consumer in no group, committed events only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from carehub.kafka import need_kafka
from carehub.lifetime import stopped_by_signal
from carehub.output import print_json, print_line
from carehub.settings import Settings
from contract.errors import Misconfigured

_POLL_MS: Final = 300


async def follow(settings: Settings, topic: str, *, from_start: bool, count: int | None, as_json: bool) -> None:
    """Prints events of `topic` until Ctrl-C, or until `count` of them have come.

    Raises Misconfigured when Kafka is away or has no such topic.
    """
    with stopped_by_signal() as asked:
        async with reader(need_kafka(settings).bootstrap) as consumer:
            partitions = await _partitions(consumer, topic)
            consumer.assign(partitions)
            await (consumer.seek_to_beginning if from_start else consumer.seek_to_end)(*partitions)
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
    async with reader(need_kafka(settings).bootstrap) as consumer:
        partitions = await _partitions(consumer, topic)
        starts, ends = await asyncio.gather(consumer.beginning_offsets(partitions), consumer.end_offsets(partitions))
        return [{"partition": p.partition, "start": starts[p], "end": ends[p]} for p in partitions]


async def sizes_of(settings: Settings, topics: Iterable[str]) -> dict[str, tuple[int, int]]:
    """For each of these topics that Kafka has: how many partitions, and how many events are in them."""
    async with reader(need_kafka(settings).bootstrap) as consumer:
        there = await consumer.topics()
        sizes = {}
        for topic in sorted(set(topics) & there):
            partitions = await _partitions(consumer, topic)
            starts, ends = await asyncio.gather(
                consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
            )
            sizes[topic] = (len(partitions), sum(ends.values()) - sum(starts.values()))
        return sizes


@asynccontextmanager
async def reader(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer in no group. Raises Misconfigured when Kafka does not answer."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=10_000,
    )
    try:
        await consumer.start()
    except KafkaConnectionError:
        raise Misconfigured(f"Kafka at {bootstrap} does not answer: is it running?") from None
    await asyncio.sleep(0)  # its tasks must have begun, or aiokafka's stop() raises their cancellation
    try:
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


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    if topic not in await consumer.topics():
        raise Misconfigured(f"Kafka has no topic {topic}: it appears with its first event (carehub topics list)")
    numbers = consumer.partitions_for_topic(topic) or set()
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def _as_line(record: ConsumerRecord[bytes, bytes]) -> str:
    headers = {name: value.decode() for name, value in record.headers}
    told = (headers.get(name, "-") for name in ("ce_time", "ce_type", "ce_source", "ce_subject", "ce_id"))
    return f"{record.partition}/{record.offset}  " + "  ".join(told)
