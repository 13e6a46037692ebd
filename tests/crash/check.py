"""What a reader of the topics saw, against what senders were told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from contract.event import Envelope


class Record(NamedTuple):
    """One record of a topic: its Kafka key, its headers as an envelope, its value."""

    key: str
    envelope: Envelope
    value: bytes


@dataclass
class Verdict:
    """Counts of each thing that must not happen; `read` is the number of records, repeats included."""

    acknowledged: int = 0
    read: int = 0
    repeats: int = 0
    missing: list[str] = field(default_factory=list)
    inversions: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged} · read {self.read} (repeats {self.repeats})"
            f" · missing {len(self.missing)} · order inversions {len(self.inversions)}"
            f" · stored twice {len(self.split) + len(self.unasked)}"
        )

    @property
    def clean(self) -> bool:
        return not (self.missing or self.inversions or self.unasked or self.split)


async def read_committed(bootstrap: str, topic: str) -> list[Record]:
    """Every committed record of a topic, in partition order."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    try:
        await consumer._client.force_metadata_update()
        partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[Record] = []
        waiting = {p for p in partitions if ends[p] > 0}
        deadline = asyncio.get_running_loop().time() + 30
        while waiting:
            assert asyncio.get_running_loop().time() < deadline, "an open transaction holds up read_committed readers"
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records.extend(Record(r.key.decode(), Envelope.from_headers(r.headers), r.value) for r in batch)
            waiting = {p for p in waiting if await consumer.position(p) < ends[p]}
        return records
    finally:
        await consumer.stop()


def judge(
    records: Iterable[Record], acknowledged: dict[str, tuple[int, int]], receipts: dict[str, set[str]]
) -> Verdict:
    """Each acknowledged event once repeats of a ce_id are dropped, in order per person, and none that nobody sent."""
    verdict = Verdict(acknowledged=len(acknowledged))
    seen: set[str] = set()
    last: dict[str, int] = {}
    sequence: dict[str, int] = {}
    for key, envelope, _ in records:
        verdict.read += 1
        if envelope.type.startswith("person-"):
            continue
        if envelope.id in seen:
            verdict.repeats += 1
            continue
        seen.add(envelope.id)
        if envelope.id not in acknowledged:
            verdict.unasked.append(envelope.id)
            continue
        number = acknowledged[envelope.id][1]
        if number <= last.get(key, 0) or envelope.sequence <= sequence.get(key, 0):
            verdict.inversions.append(envelope.id)
        last[key], sequence[key] = number, envelope.sequence
    verdict.missing = sorted(set(acknowledged) - seen)
    verdict.split = sorted(control for control, ids in receipts.items() if len(ids) > 1)
    return verdict
