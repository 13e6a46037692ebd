"""Topics as a plain client reads them, with `read_committed`, and as it makes them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from confluent_kafka.admin import AdminClient, NewTopic

from contract.event import Envelope
from contract.topics import PARTITIONS

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
    return [
        TopicRecord(
            TopicPartition(each.topic, each.partition),
            each.offset,
            each.key.decode() if each.key is not None else None,
            Envelope.from_headers(each.headers),
            each.value,
            each.timestamp,
        )
        for each in await plain_records(bootstrap, topics)
    ]


async def plain_records(
    bootstrap: str, topics: Collection[str], *, isolation: str = "read_committed", settled: bool = True
) -> list[ConsumerRecord]:
    """As they come. What was acknowledged as committed may not be shown for a moment: Kafka marks it partition by
    partition after its answer. So all that is there is waited for, unless `settled` is false, which asks for what is
    shown now. Raises TimeoutError when a transaction stays open."""
    last = await _ends(bootstrap, topics, "read_uncommitted" if settled else isolation)
    records: list[ConsumerRecord] = []
    if not last:
        return records
    async with _Reader(bootstrap, isolation) as consumer:
        consumer.assign(list(last))
        await consumer.seek_to_beginning(*last)
        deadline = asyncio.get_running_loop().time() + READ_SECONDS
        while waiting := [each for each, end in last.items() if await consumer.position(each) < end]:
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"an open transaction holds up read_committed readers of {len(waiting)} partitions")
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records += batch
    return records


async def _ends(bootstrap: str, topics: Collection[str], isolation: str) -> dict[TopicPartition, int]:
    """Of each partition with records, the offset behind its last one."""
    async with _Reader(bootstrap, isolation) as consumer:
        await consumer._client.force_metadata_update()
        existing = consumer._client.cluster.topics()
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            if topic in existing
            for number in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        if not partitions:
            return {}
        consumer.assign(partitions)
        return {each: end for each, end in (await consumer.end_offsets(partitions)).items() if end > 0}


class _Reader(AIOKafkaConsumer):  # type: ignore[misc]
    """In no group, from the beginning."""

    def __init__(self, bootstrap: str, isolation: str) -> None:
        super().__init__(
            bootstrap_servers=bootstrap, isolation_level=isolation, auto_offset_reset="earliest", group_id=None
        )


def make_topic(bootstrap: str, topic: str, partitions: int = PARTITIONS, **settings: str) -> None:
    """As somebody else than the hub may have made it. Settings of Kafka's are written with underscores here."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    config = {name.replace("_", "."): value for name, value in settings.items()}
    admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result()
