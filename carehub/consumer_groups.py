"""The consumer groups of event topics: how many are at work in each, and what it has not read yet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from carehub.tail import ANSWER_SECONDS, reader
from contract.errors import Misconfigured
from contract.topics import is_dead_letter_topic
from gateway.consumption import committed_offsets
from gateway.deadline import within

READ_SECONDS: Final = 10.0
"""How long offsets are waited for, and the first unread events of a group are looked for."""

BEHIND_SECONDS: Final = 60.0
"""Age of a group's first unread event from which on it is behind, and not just busy."""

_POLL_MS: Final = 200


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group that has committed offsets of event topics.

    `members` counts the consumers that share its work now. `unread` is at most how many events it has not read: Kafka
    counts with the records the ends of transactions. `since` is when the first of them was published (UTC), None when
    there is none. `missed` is at most how many Kafka removed before the group had read them.
    """

    group: str
    members: int
    topics: tuple[str, ...]
    unread: int
    since: datetime | None
    missed: int

    def is_behind(self, now: datetime) -> bool:
        return self.since is not None and (now - self.since).total_seconds() > BEHIND_SECONDS


async def group_states(bootstrap: str, topics: Mapping[str, Sequence[int]]) -> list[GroupState]:
    """Every such group, by name. `topics` are those that Kafka has, with their partitions (tail.topics_of). Raises
    Misconfigured when Kafka is away, and on the stand-in, which does not tell its groups."""
    committed = await _committed(bootstrap, {name: found for name, found in topics.items() if _holds_events(name)})
    if not committed:
        return []
    members = await asyncio.to_thread(_members, bootstrap, list(committed))
    partitions = {partition for offsets in committed.values() for partition in offsets}
    async with reader(bootstrap, partitions, from_start=False) as consumer:
        starts, ends = await asyncio.gather(consumer.beginning_offsets(partitions), consumer.end_offsets(partitions))
        return [
            await _state(consumer, group, members[group], offsets, starts, ends)
            for group, offsets in sorted(committed.items())
        ]


def _holds_events(topic: str) -> bool:
    return topic.startswith("care.") and not is_dead_letter_topic(topic)


async def _committed(bootstrap: str, topics: Mapping[str, Sequence[int]]) -> dict[str, dict[TopicPartition, int]]:
    """By group, the offset it has committed of each partition."""
    try:
        told = await within(READ_SECONDS, committed_offsets(bootstrap, topics))
    except (KafkaError, OSError, TimeoutError) as fault:
        raise Misconfigured(f"Kafka at {bootstrap} does not tell its groups: {type(fault).__name__}") from None
    found: dict[str, dict[TopicPartition, int]] = {}
    for topic, groups in told.items():
        for group, offsets in groups.items():
            found.setdefault(group, {}).update({TopicPartition(topic, n): at for n, at in offsets.items()})
    return found


def _members(bootstrap: str, groups: list[str]) -> dict[str, int]:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        described = admin.describe_consumer_groups(groups)
        return {group: len(answer.result(timeout=ANSWER_SECONDS).members) for group, answer in described.items()}
    except KafkaException as fault:
        raise Misconfigured(f"Kafka at {bootstrap} does not tell its groups: {fault.args[0].name()}") from None


async def _state(
    consumer: AIOKafkaConsumer,
    group: str,
    members: int,
    committed: Mapping[TopicPartition, int],
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> GroupState:
    behind = {p: max(at, starts[p]) for p, at in committed.items() if max(at, starts[p]) < ends[p]}
    first = await _first_unread(consumer, behind, ends)
    return GroupState(
        group=group,
        members=members,
        topics=tuple(sorted({partition.topic for partition in committed})),
        unread=sum(ends[p] - at for p, at in behind.items() if p in first),
        since=min((at for at in first.values() if at is not None), default=None),
        missed=sum(_removed(at, starts[p]) for p, at in committed.items()),
    )


def _removed(committed: int, start: int) -> int:
    """How many offsets Kafka has removed between a group's and the first that it keeps. One alone was the end of a
    transaction, behind which the group had nothing more to read."""
    return start - committed if start - committed > 1 else 0


async def _first_unread(
    consumer: AIOKafkaConsumer, behind: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, datetime | None]:
    """When the first record at or behind these offsets was published, for each partition that has one; None where that
    was not found out in time. Behind the last record there may be the end of its transaction, and nothing to read."""
    if not behind:
        return {}
    consumer.assign(list(behind))
    for partition, offset in behind.items():
        consumer.seek(partition, offset)
    found: dict[TopicPartition, datetime | None] = {}
    left = set(behind)
    deadline = asyncio.get_running_loop().time() + READ_SECONDS
    while left and asyncio.get_running_loop().time() < deadline:
        for partition, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
            found[partition] = datetime.fromtimestamp(records[0].timestamp / 1000, UTC)
        left = {p for p in left - found.keys() if await consumer.position(p) < ends[p]}
    return {**dict.fromkeys(left), **found}


def group_faults(states: Sequence[GroupState]) -> list[str]:
    """A sentence for each group that can no longer read what it has not read."""
    return [
        f"the consumer group {each.group} has not read up to {each.missed} events that Kafka no longer keeps: "
        "publish them again (carehub replay start)"
        for each in states
        if each.missed
    ]
