"""Who has consumed what: the offsets that each consumer group has committed, asked of Kafka when somebody looks.

Kafka may be away, and a look-up must never wait for it: an answer is given up after two seconds, and kept for three.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError
from aiokafka.structs import TopicPartition

from contract.topics import PARTITIONS
from gateway.deadline import within

ANSWER_SECONDS: Final = 2.0
KEPT_SECONDS: Final = 3.0
KEPT_TOPICS: Final = 500

KAFKA_AWAY: Final = "Kafka does not answer now: ask again later"
NO_KAFKA: Final = "no Kafka is known here: set KAFKA_BOOTSTRAP_SERVERS"
TELLS_NOTHING: Final = "this broker does not tell what its consumer groups have committed"

Place: TypeAlias = tuple[str, int]
"""A topic and a partition of it."""

Groups: TypeAlias = Mapping[str, Mapping[int, int]]
"""By group, the offset that it has committed for each partition of a topic: that of the next record it will read."""


@dataclass(frozen=True, slots=True)
class Consumption:
    """What Kafka told, by topic. `unknown` says why it told nothing, None when it did."""

    topics: Mapping[str, Groups] = field(default_factory=dict)
    unknown: str | None = None

    def of(self, topic: str, partition: int, offset: int) -> dict[str, bool]:
        """Of each group that reads the topic, whether it has consumed this record. A group reads a topic once it has
        committed an offset of any partition of it. Transactions take offsets of their own, so that a group which has
        read everything may stand beyond the next record."""
        groups = self.topics.get(topic, {})
        return {group: committed.get(partition, -1) > offset for group, committed in sorted(groups.items())}


@dataclass(frozen=True, slots=True)
class _Told:
    at: float
    partitions: frozenset[int]
    groups: Groups


class ConsumerGroups:
    """Asks the Kafka at `bootstrap` (None: none is known), one question at a time."""

    def __init__(self, bootstrap: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._bootstrap = bootstrap
        self._clock = clock
        self._turn = asyncio.Lock()
        self._told: dict[str, _Told] = {}
        self._unknown: str | None = None
        self._unknown_until = 0.0

    async def look(self, places: Collection[Place]) -> Consumption:
        """What the groups have committed for the topics of these places. Asks nothing when there are none."""
        if not places:
            return Consumption()
        if self._bootstrap is None:
            return Consumption(unknown=NO_KAFKA)
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._turn:
                return await self._look(self._bootstrap, places)
        except IncompatibleBrokerVersion:
            return self._give_up(TELLS_NOTHING)
        except (KafkaError, OSError, TimeoutError):
            return self._give_up(KAFKA_AWAY)

    async def _look(self, bootstrap: str, places: Collection[Place]) -> Consumption:
        now = self._clock()
        if now < self._unknown_until:
            return Consumption(unknown=self._unknown)
        partitions = {topic: {*range(PARTITIONS)} for topic, _ in places}
        for topic, partition in places:
            partitions[topic].add(partition)
        missing = {topic: wanted for topic, wanted in partitions.items() if not self._knows(topic, wanted, now)}
        if missing:
            found = await within(ANSWER_SECONDS, committed_offsets(bootstrap, missing))
            if len(self._told) + len(missing) > KEPT_TOPICS:
                self._told.clear()
            for topic, wanted in missing.items():
                self._told[topic] = _Told(now, frozenset(wanted), found.get(topic, {}))
        return Consumption({topic: self._told[topic].groups for topic in partitions})

    def _knows(self, topic: str, partitions: Collection[int], now: float) -> bool:
        told = self._told.get(topic)
        return told is not None and now - told.at < KEPT_SECONDS and told.partitions.issuperset(partitions)

    def _give_up(self, reason: str) -> Consumption:
        self._unknown, self._unknown_until = reason, self._clock() + KEPT_SECONDS
        return Consumption(unknown=reason)


async def committed_offsets(
    bootstrap: str, partitions: Mapping[str, Collection[int]]
) -> dict[str, dict[str, dict[int, int]]]:
    """What the groups have committed of these partitions, by topic and group. Each broker is asked for the groups that
    it coordinates, and then for their offsets. Raises KafkaError, IncompatibleBrokerVersion on the stand-in."""
    wanted = [TopicPartition(topic, number) for topic, numbers in partitions.items() for number in numbers]
    admin = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap, request_timeout_ms=int(ANSWER_SECONDS * 1000), client_id="carehub-consumption"
    )
    found: dict[str, dict[str, dict[int, int]]] = {}
    try:
        await admin.start()
        for broker in admin._client.cluster.brokers():  # its public question brings every topic of the cluster along
            for group, _ in await admin.list_consumer_groups([broker.nodeId]):
                offsets = await admin.list_consumer_group_offsets(group, broker.nodeId, wanted)
                for place, committed in offsets.items():
                    if committed.offset >= 0:
                        found.setdefault(place.topic, {}).setdefault(group, {})[place.partition] = committed.offset
    finally:
        await admin.close()
    return found
