"""Event topics as the hub makes them: 24 partitions, and the one size limit."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from contract.errors import Misconfigured
from contract.topics import MAX_MESSAGE_BYTES, PARTITIONS
from gateway.deadline import within

TIMEOUT_MS: Final = 10_000
ADMIN_SECONDS: Final = 15.0
_log = structlog.get_logger(__name__)


class Topics:
    """Sees to it that topics exist before anything is published to them. Remembers those it has seen.

    `replication` is the number of copies. With `admin` false (the stand-in) topics appear on first use and nothing is
    done here.
    """

    def __init__(self, bootstrap: str, *, replication: int = 1, admin: bool = True) -> None:
        self._bootstrap = bootstrap
        self._replication = replication
        self._admin = admin
        self._known: set[str] = set()

    async def ensure(self, names: Collection[str]) -> None:
        """Creates those of `names` that do not exist. Raises as `create_topics` does, or TimeoutError."""
        missing = set(names) - self._known
        if missing and self._admin:
            await within(ADMIN_SECONDS, create_topics(self._bootstrap, missing, replication=self._replication))
        self._known |= missing

    def forget(self) -> None:
        """Something was turned away: a topic may be gone, and `ensure` is to look again."""
        self._known.clear()


async def create_topics(bootstrap: str, names: Collection[str], *, replication: int = 1) -> None:
    """Creates topics with the hub's settings; one that exists stays as it is.

    Raises KafkaError when Kafka is away, Misconfigured with Kafka's reason when it refuses one.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    try:
        await admin.start()
        settings = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
        wanted = [NewTopic(name, PARTITIONS, replication, topic_configs=settings) for name in sorted(names)]
        answer = await admin.create_topics(wanted)
        for name, code, *_ in answer.topic_errors:
            error = for_code(code)
            if error is not NoError and error is not TopicAlreadyExistsError:
                raise Misconfigured(f"Kafka did not create the topic {name}: {error.__name__}")
        await _warn_of_other_partitions(admin, names)
    finally:
        await admin.close()


async def _warn_of_other_partitions(admin: AIOKafkaAdminClient, names: Collection[str]) -> None:
    for topic in await admin.describe_topics(sorted(names)):
        count = len(topic["partitions"])
        if topic["error_code"] == 0 and count != PARTITIONS:
            _log.warning("topic-has-other-partitions", topic=topic["topic"], partitions=count, expected=PARTITIONS)
