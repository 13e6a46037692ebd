"""Partitions that no member of a group reads: found by asking Kafka, so that what the consumer believes need not hold.

aiokafka can lose sight of topics for good. When a broker that has just started does not list a topic yet whose offset
is being looked up, the client asks for that topic alone from then on: others are given up, and new ones never found.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Set as AbstractSet
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.client import ConnectionGroup
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError, StaleMetadata, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.structs import TopicPartition

CHECK_SECONDS: Final = 2.0
GAP_SECONDS: Final = 5.0
"""How long a partition may stand alone in a group that is not rebalancing. A new topic is normally taken up sooner."""

LONGEST_SECONDS: Final = 60.0
STABLE: Final = "Stable"

_log = structlog.get_logger(__name__)


class Gaps:
    """Watches the partitions of `topics` (names, or one pattern) in `group`.

    With `admin` false (the stand-in, which describes no groups) the member watched is taken for the only one.
    """

    def __init__(self, group: str, topics: str | tuple[str, ...], *, admin: bool) -> None:
        self._group = group
        self._names = None if isinstance(topics, str) else list(topics)
        self._pattern = re.compile(topics if isinstance(topics, str) else "")
        self._admin = admin
        self._alone_since: dict[TopicPartition, float] = {}
        self._tolerated = GAP_SECONDS
        self._trouble: str | None = None

    @property
    def alone(self) -> int:
        """How many partitions had no member when the group was last looked at."""
        return len(self._alone_since)

    async def appear(self, consumer: AIOKafkaConsumer) -> None:
        """Returns when a partition has been alone for too long; another consumer, with nothing remembered, should then
        take the place of this one. Where that did not help, the next call waits twice as long, up to a minute."""
        self._alone_since.clear()
        too_long = False
        while not too_long:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                too_long = await self._alone_too_long(consumer)
            except (KafkaError, OSError, TimeoutError) as error:
                self._alone_since.clear()  # what was not looked at did not stand alone
                self._note(error)
        _log.warning("partitions-without-a-member", group=self._group, count=self.alone)
        self._tolerated = min(self._tolerated * 2, LONGEST_SECONDS)

    async def _alone_too_long(self, consumer: AIOKafkaConsumer) -> bool:
        matching = await self._matching(consumer)
        taken = await self._taken(consumer)
        self._trouble = None
        if taken is None:
            return False  # members are just agreeing on who takes what; Kafka lets none keep them from it for long
        now = asyncio.get_running_loop().time()
        self._alone_since = {each: self._alone_since.get(each, now) for each in matching - taken}
        if not self._alone_since:
            self._tolerated = GAP_SECONDS
        return any(now - since >= self._tolerated for since in self._alone_since.values())

    async def _matching(self, consumer: AIOKafkaConsumer) -> set[TopicPartition]:
        cluster = ClusterMetadata()  # the client's own may know less
        if not await consumer._client._metadata_update(cluster, self._names):
            raise StaleMetadata
        return {
            TopicPartition(topic, partition)
            for topic in cluster.topics()
            if self._pattern.match(topic)
            for partition in cluster.partitions_for_topic(topic) or ()
        }

    async def _taken(self, consumer: AIOKafkaConsumer) -> AbstractSet[TopicPartition] | None:
        """What some member has; None during a rebalance."""
        mine: frozenset[TopicPartition] = consumer.assignment()
        if not self._admin:
            return mine
        coordinator = consumer._coordinator
        if coordinator.coordinator_id is None:
            raise GroupCoordinatorNotAvailableError
        answer = await consumer._client.send(
            coordinator.coordinator_id, DescribeGroupsRequest([self._group]), group=ConnectionGroup.COORDINATION
        )
        ((code, _, state, _, _, members, *_),) = answer.groups
        if code:
            raise for_code(code)
        if state != STABLE:
            return None
        taken: set[TopicPartition] = set()
        for member, _, _, _, assignment in members:
            given = set(ConsumerProtocol.ASSIGNMENT.decode(assignment).partitions()) if assignment else set()
            # of what it was given, this member has what it knows of
            taken |= given & mine if member == coordinator.member_id else given
        return taken

    def _note(self, error: Exception) -> None:
        name = type(error).__name__
        if self._trouble != name:
            _log.warning("gap-check-failed", group=self._group, error=name)
        self._trouble = name
