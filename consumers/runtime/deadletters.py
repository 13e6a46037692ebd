"""The dead-letter topic of a group: records that can never be applied, as they came, with the reason."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from consumers.event import KafkaRecord
from contract.topics import MAX_MESSAGE_BYTES, dead_letter_topic

REASON_HEADER: Final = "dead_reason"
TIMEOUT_MS: Final = 10_000
BURY_SECONDS: Final = 30.0


class KeyedRecord(KafkaRecord, Protocol):
    @property
    def key(self) -> bytes | None: ...


class DeadLetters:
    """Writes to `<topic>.<group>.deadletter`. Where `admin` says that topics must be created, it creates it, with as
    many partitions and copies as the topic it stands beside.

    Each record keeps its key, value and headers, and gains `dead_reason` (a code), `dead_topic`, `dead_partition` and
    `dead_offset`. The topic needs the access rules of the one it stands beside.
    """

    def __init__(self, bootstrap: str, group: str, *, admin: bool) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._admin = admin
        self._known: set[str] = set()
        self._producer: AIOKafkaProducer | None = None

    async def bury(self, record: KeyedRecord, reason: str) -> None:
        """Returns when Kafka has it. Raises KafkaError or TimeoutError when it could not be written."""
        async with asyncio.timeout(BURY_SECONDS):
            await self._bury(record, reason)

    async def _bury(self, record: KeyedRecord, reason: str) -> None:
        topic = dead_letter_topic(record.topic, self._group)
        if topic not in self._known:
            if self._admin:
                await self._create(topic, beside=record.topic)
            self._known.add(topic)
        producer = await self._open()
        await producer.send_and_wait(topic, record.value, key=record.key, headers=_headers(record, reason))

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BURY_SECONDS):
                    await producer.stop()

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            # not idempotent: such a producer would try for ever, and a dead letter twice does no harm
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                acks="all",
                request_timeout_ms=TIMEOUT_MS,
                max_request_size=MAX_MESSAGE_BYTES,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _create(self, topic: str, *, beside: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=TIMEOUT_MS)
        try:
            await admin.start()
            (model,) = await admin.describe_topics([beside])
            partitions = model["partitions"]
            settings = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
            wanted = NewTopic(topic, len(partitions), len(partitions[0]["replicas"]), topic_configs=settings)
            answer = await admin.create_topics([wanted])
            for _, code, *_ in answer.topic_errors:
                error = for_code(code)
                if error not in (NoError, TopicAlreadyExistsError):
                    raise error()
        finally:
            await admin.close()


def _headers(record: KeyedRecord, reason: str) -> list[tuple[str, bytes]]:
    return [
        *_kept(record.headers),
        (REASON_HEADER, reason.encode()),
        ("dead_topic", record.topic.encode()),
        ("dead_partition", str(record.partition).encode()),
        ("dead_offset", str(record.offset).encode()),
    ]


def _kept(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    return [(name, value or b"") for name, value in headers]
