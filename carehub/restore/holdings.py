"""What Kafka holds of this hub's events, read by a plain client; by event and topic, in a file that nobody else sees:
there may be more of it than fits in memory.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from carehub.tail import reader, topics_of
from carehub.topics import retention_of, settings_of
from contract.event import Envelope
from contract.topics import parse_topic

_SKEW: Final = timedelta(hours=1)
"""How far the clocks of relays and gateways may lie apart: records are looked at from so much earlier."""

_POLL_MS: Final = 500
_PAGE: Final = 1000

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -100000;
CREATE TABLE record (event TEXT, topic TEXT, "partition" INTEGER, "offset" INTEGER, at REAL, received REAL,
                     claimed INTEGER DEFAULT 0, PRIMARY KEY (event, topic)) WITHOUT ROWID;
CREATE TABLE person (topic TEXT, key TEXT, sequence INTEGER, PRIMARY KEY (topic, key)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A record: where it lies, and when Kafka got it (UTC)."""

    partition: int
    offset: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A record of which nobody has asked. `received` is when its message was accepted (UTC)."""

    event: str
    topic: str
    received: datetime


class Holdings:
    """Fill it by read_holdings. `starts` is each partition's first offset that Kafka still has, `kept_ms` for how long
    it keeps each topic, None for ever; `highest` the highest sequence seen."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # a file without a name, gone with the connection
        self._file.executescript(_TABLES)
        self._file.execute("BEGIN")  # of a transaction that is never to last
        self.starts: dict[tuple[str, int], int] = {}
        self.kept_ms: dict[str, int | None] = {}
        self.highest = 0
        self.records = 0

    def add(self, records: Iterable[ConsumerRecord[bytes, bytes]]) -> None:
        """Of an event that came more than once the first is held. Records that are no events of a hub are passed by."""
        rows, persons = [], []
        for record in records:
            try:
                envelope = Envelope.from_headers(record.headers)
            except ValueError:
                continue
            where = (record.topic, record.partition, record.offset, record.timestamp / 1000)
            rows.append((envelope.id, *where, envelope.received.timestamp()))
            persons.append((record.topic, envelope.subject, envelope.sequence))
            self.highest = max(self.highest, envelope.sequence)
        self.records += len(rows)
        self._file.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING", rows)
        self._file.executemany(
            "INSERT INTO person VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sequence = max(sequence, excluded.sequence)",
            persons,
        )

    def claim(self, event: str, topic: str) -> Held | None:
        """Where that event lies in that topic; None when Kafka lacks it."""
        row = self._file.execute(
            'UPDATE record SET claimed = 1 WHERE event = ? AND topic = ? RETURNING "partition", "offset", at',
            (event, topic),
        ).fetchone()
        return Held(row[0], row[1], datetime.fromtimestamp(row[2], UTC)) if row else None

    def highest_of(self, topic: str, key: str) -> int:
        """The highest sequence of a person's events in a topic, 0 when there are none."""
        row = self._file.execute("SELECT sequence FROM person WHERE topic = ? AND key = ?", (topic, key)).fetchone()
        return row[0] if row else 0

    def unclaimed(self) -> Iterator[list[Unclaimed]]:
        """Page by page, in no order that means anything."""
        query = self._file.execute("SELECT event, topic, received FROM record WHERE claimed = 0")
        while page := query.fetchmany(_PAGE):
            yield [Unclaimed(event, topic, datetime.fromtimestamp(at, UTC)) for event, topic, at in page]

    def close(self) -> None:
        self._file.close()


async def read_holdings(bootstrap: str, since: datetime | None) -> Holdings:
    """Every committed event that Kafka got since that moment, or all. Raises Misconfigured when Kafka is away."""
    found = Holdings()
    there = {name: numbers for name, numbers in (await topics_of(bootstrap)).items() if _is_ours(name)}
    partitions = [TopicPartition(name, number) for name, numbers in there.items() for number in numbers]
    if not partitions:
        return found
    found.kept_ms = retention_of(await asyncio.to_thread(settings_of, bootstrap, there))
    # what is committed is shown a moment later, partition by partition: to the end of all records, then, whoever wrote
    # them; a transaction that a dead relay left open holds that up for some seconds, until Kafka ends it
    async with reader(bootstrap, partitions, isolation="read_uncommitted") as everything:
        ends = await everything.end_offsets(partitions)
    async with reader(bootstrap, partitions) as consumer:
        starts = await consumer.beginning_offsets(partitions)
        found.starts = {(each.topic, each.partition): starts[each] for each in partitions}
        begin = starts if since is None else await _offsets_at(consumer, partitions, since - _SKEW, ends)
        for each in partitions:
            consumer.seek(each, max(begin[each], starts[each]))
        while left := [each for each in partitions if await consumer.position(each) < ends[each]]:
            got = await consumer.getmany(*left, timeout_ms=_POLL_MS, max_records=_PAGE * 5)
            found.add(record for records in got.values() for record in records)
    return found


async def _offsets_at(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], since: datetime, ends: dict[TopicPartition, int]
) -> dict[TopicPartition, int]:
    found = await consumer.offsets_for_times({each: round(since.timestamp() * 1000) for each in partitions})
    return {each: at.offset if (at := found.get(each)) else ends[each] for each in partitions}


def _is_ours(name: str) -> bool:
    """Topics that a relay writes: no replay, no twin, no app's dead letters."""
    try:
        return parse_topic(name).project is None
    except ValueError:
        return False
