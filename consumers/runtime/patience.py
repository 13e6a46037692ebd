"""Partitions that wait: from which record on, until when, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiokafka.structs import TopicPartition

from contract.event import rfc3339

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Wait:
    """`until` is on the loop's clock; `error` the class of what was raised, never its text, which may hold values."""

    offset: int
    error: str
    seconds: float
    until: float
    since: datetime


class Patience:
    """The waits of one consumer, each twice as long as the one before it at the same record, up to a minute."""

    def __init__(self, first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> None:
        self._first = first
        self._longest = longest
        self._waits: dict[TopicPartition, Wait] = {}

    def wait(self, partition: TopicPartition, offset: int, error: str, now: float) -> Wait:
        """Begins a wait at a record, or a longer one when it waited there before."""
        before = self._waits.get(partition)
        if before is not None and before.offset == offset:
            seconds, since = min(before.seconds * 2, self._longest), before.since
        else:
            seconds, since = self._first, datetime.now(UTC)
        self._waits[partition] = Wait(offset, error, seconds, now + seconds, since)
        return self._waits[partition]

    def due(self, now: float) -> list[TopicPartition]:
        """Partitions whose wait is over. They are remembered until something works."""
        return [partition for partition, wait in self._waits.items() if wait.until <= now]

    def worked(self, partition: TopicPartition) -> None:
        self._waits.pop(partition, None)

    def forget(self) -> None:
        """All partitions were given back."""
        self._waits.clear()

    def as_list(self) -> list[dict[str, object]]:
        return [
            {
                "topic": partition.topic,
                "partition": partition.partition,
                "offset": wait.offset,
                "error": wait.error,
                "since": rfc3339(wait.since),
            }
            for partition, wait in self._waits.items()
        ]
