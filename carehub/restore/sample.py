"""Whether Kafka still has what was published, by a sample: a look that `carehub doctor` can afford."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from aiokafka.structs import TopicPartition
from sqlalchemy import Connection, func, select

from carehub.databases import open_hub
from carehub.kafka import need_kafka
from carehub.settings import Settings
from carehub.tail import reader, topics_of
from carehub.topics import retention_of, settings_of
from gateway.store.models import outbox

_PROBES: Final = 100
_A_PROBE: Final = 50
"""How many places of the outbox are looked at, and how many ids there."""


async def topics_cut_short(settings: Settings) -> list[str]:
    """Topics that end before an event that was published to them and that they would still keep: they were deleted and
    made again, or this is another Kafka. Raises Misconfigured when Kafka is away."""
    bootstrap = need_kafka(settings).bootstrap
    async with open_hub(settings) as database:
        sample = await database.read(sample_of_published)
    there = await topics_of(bootstrap)
    lost = {each.topic for each in sample if each.partition not in there.get(each.topic, ())}
    still = {each.topic for each in sample} - lost
    kept = retention_of(await asyncio.to_thread(settings_of, bootstrap, still))
    now = datetime.now(UTC)
    owed: dict[TopicPartition, int] = {}
    for each in sample:
        ms = kept.get(each.topic)
        if each.topic in still and (ms is None or now - each.at < timedelta(milliseconds=ms)):
            at = TopicPartition(each.topic, each.partition)
            owed[at] = max(each.offset, owed.get(at, 0))
    if owed:
        # to the end of all records: what is committed is shown a moment later
        async with reader(bootstrap, owed, isolation="read_uncommitted") as consumer:
            ends = await consumer.end_offsets(list(owed))
        lost |= {each.topic for each, offset in owed.items() if ends[each] <= offset}
    return sorted(lost)


@dataclass(frozen=True, slots=True)
class Sent:
    """A published event: where it lies in Kafka, and when it was published (UTC)."""

    topic: str
    partition: int
    offset: int
    at: datetime


def sample_of_published(connection: Connection) -> list[Sent]:
    """Some of the published events, from the oldest that is kept to the newest, by a hundred index probes; where these
    overlap, an event comes twice."""
    row = outbox.c
    first, last = connection.execute(select(func.min(row.id), func.max(row.id))).one()
    if first is None:
        return []
    step = max(1, (last - first) // _PROBES)
    sent = select(row.topic, row.partition, row.offset, row.published).where(row.offset.is_not(None))
    return [
        Sent(*each)
        for start in [*range(first, last, step), last - _A_PROBE + 1]
        for each in connection.execute(sent.where(row.id >= start, row.id < start + _A_PROBE))
    ]
