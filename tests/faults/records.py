"""The topics as a plain client sees them, and who wrote each record: from the broker's own log files."""

from __future__ import annotations

import asyncio
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from contract.event import Envelope, source_uri
from tests.faults.persons import SOURCES, Message

READ_SECONDS: Final = 120.0
_BATCH_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
"""Kafka's record batch, version 2: base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first
and last timestamp, producer id, producer epoch, base sequence, count."""

_BEFORE_LENGTH_COUNTS: Final = 12
_SOURCES_BY_URI: Final = {source_uri(id_): id_ for id_ in SOURCES}


class Writer(NamedTuple):
    """One producer from its start to its end: each `init_transactions` of an id begins another epoch."""

    producer: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Record:
    """`message` is None for what the hub itself says (links)."""

    topic: str
    partition: int
    offset: int
    key: str | None
    envelope: Envelope
    message: Message | None
    writer: Writer | None


async def read_committed(bootstrap: str, topics: Sequence[str], log_of: Callable[[str, int], Path]) -> list[Record]:
    """Every committed record of the topics that exist, in the order of their offsets within each partition. `log_of`
    names the folder of a partition's segments."""
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
        consumer.assign(partitions)
        ends = {each: end for each, end in (await consumer.end_offsets(partitions)).items() if end > 0}
        records: list[Record] = []
        writers = {each: list(_writers(log_of(*each))) for each in ends}
        deadline = asyncio.get_running_loop().time() + READ_SECONDS
        while waiting := {each for each in ends if await consumer.position(each) < ends[each]}:
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"an open transaction holds up read_committed readers of {len(waiting)} partitions")
            for partition, batch in (await consumer.getmany(timeout_ms=500)).items():
                records += [_record(each, writers[partition]) for each in batch]
        return records
    finally:
        await consumer.stop()


def _record(record: ConsumerRecord, writers: Sequence[tuple[int, Writer]]) -> Record:
    envelope = Envelope.from_headers(record.headers)
    batch = bisect_right(writers, record.offset, key=lambda each: each[0]) - 1
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.key.decode() if record.key is not None else None,
        envelope,
        _message(envelope, record.value),
        writers[batch][1] if batch >= 0 else None,
    )


def _message(envelope: Envelope, value: bytes) -> Message | None:
    """Which message an event came from, by what it says of the patient."""
    for entry in orjson.loads(value)["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Patient" and "name" in resource:
            local = next(each["value"] for each in resource["identifier"] if each["value"].startswith("P"))
            number = resource["name"][0]["given"][0].removeprefix("N")
            return Message(_SOURCES_BY_URI[envelope.source], int(local[1:]), int(number))
    return None


def _writers(folder: Path) -> Iterator[tuple[int, Writer]]:
    """First offset and writer of each batch in a partition's segments."""
    for segment in sorted(folder.glob("*.log")):
        content, start = segment.read_bytes(), 0
        while start + _BATCH_HEADER.size <= len(content):
            base, length, *_, producer, epoch, _, count = _BATCH_HEADER.unpack_from(content, start)
            if not length:
                break
            if count:
                yield base, Writer(producer, epoch)
            start += _BEFORE_LENGTH_COUNTS + length
