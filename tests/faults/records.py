"""The topics as a plain client sees them, with the message behind each event, and who wrote it: that stands in the
broker's own log files."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from carehub.broker.local import LocalKafka
from contract.event import Envelope, source_uri
from tests.faults.persons import SOURCES, Message
from tests.topics import TopicRecord, read_committed

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


async def read_records(kafka: LocalKafka, topics: Sequence[str]) -> list[Record]:
    """Every committed record of those topics that exist, in the order of their offsets within each partition."""
    logs, records = kafka._home / "log", await read_committed(kafka.address, topics)
    writers = {
        partition: list(_writers(logs / f"{partition.topic}-{partition.partition}"))
        for partition in {record.partition for record in records}
    }
    return [_record(record, writers[record.partition]) for record in records]


def _record(record: TopicRecord, writers: Sequence[tuple[int, Writer]]) -> Record:
    batch = bisect_right(writers, record.offset, key=lambda each: each[0]) - 1
    return Record(
        record.partition.topic,
        record.partition.partition,
        record.offset,
        record.key,
        record.envelope,
        _message(record.envelope, record.value),
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
