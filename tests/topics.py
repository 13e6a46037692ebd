"""What a plain client reads of the topics, with `read_committed`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from contract.event import Envelope

READ_SECONDS: Final = 120.0


class TopicRecord(NamedTuple):
    """One record: where it stands, its Kafka key, its headers as an envelope, its value, and when its producer sent it,
    in milliseconds since 1970."""

    partition: TopicPartition
    offset: int
    key: str | None
    envelope: Envelope
    value: bytes
    sent: int


async def read_committed(bootstrap: str, topics: Sequence[str]) -> list[TopicRecord]:
    """Every committed record of those topics that exist, in the order of their offsets within each partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    try:
        await consumer._client.force_metadata_update()
        existing = consumer._client.cluster.topics()
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            if topic in existing
            for number in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        if not partitions:
            return []
        consumer.assign(partitions)
        ends = {each: end for each, end in (await consumer.end_offsets(partitions)).items() if end > 0}
        records: list[TopicRecord] = []
        deadline = asyncio.get_running_loop().time() + READ_SECONDS
        while waiting := [each for each in ends if await consumer.position(each) < ends[each]]:
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"an open transaction holds up read_committed readers of {len(waiting)} partitions")
            for partition, batch in (await consumer.getmany(timeout_ms=500)).items():
                records += [
                    TopicRecord(
                        partition,
                        each.offset,
                        each.key.decode() if each.key is not None else None,
                        Envelope.from_headers(each.headers),
                        each.value,
                        each.timestamp,
                    )
                    for each in batch
                ]
        return records
    finally:
        await consumer.stop()
