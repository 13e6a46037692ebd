"""A group's producer: one transaction per window, so that a reader sees all of it or nothing, and a former owner's
records never."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.producer.sender import Sender
from aiokafka.structs import RecordMetadata

from contract.topics import MAX_MESSAGE_BYTES
from gateway.deadline import within
from gateway.relay.outbox import Outgoing, Published

TRANSACTION_TIMEOUT_MS: Final = 10_000
"""An open transaction stalls every read_committed reader of its partitions for at most so long."""

START_SECONDS: Final = 10.0
WINDOW_SECONDS: Final = 8.0
"""A window that takes longer is given up; below the transaction's timeout, so that Kafka never ends it for us."""

_REQUEST_TIMEOUT_MS: Final = 5_000
_STOP_SECONDS: Final = 6.0
_BATCH_BYTES: Final = 128 * 1024


class FencedError(Exception):
    """Another producer has initialised this group's transactional id: the group has a new owner."""


class Publisher:
    """Publishes windows until one fails; then it is of no more use, and its owner opens another.

    `async with Publisher(...) as publisher:` fences every former producer of `transactional_id` on entry. Rows may be
    read only after that. `transactional_id` None (the stand-in) publishes without transactions and fences nobody.
    """

    def __init__(self, bootstrap: str, transactional_id: str | None) -> None:
        self._transactional = transactional_id is not None
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id=transactional_id or "carehub-relay",
            transactional_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            enable_idempotence=True,
            acks="all",
            linger_ms=0,
            max_batch_size=_BATCH_BYTES,
            max_request_size=MAX_MESSAGE_BYTES,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )

    async def __aenter__(self) -> Publisher:
        try:
            await within(START_SECONDS, self._producer.start())
        except BaseException:
            await self._drop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._drop()

    async def publish(self, window: Sequence[Outgoing]) -> list[Published]:
        """Publishes a window in its order and returns where each record went, once Kafka has committed all of it.

        Raises FencedError when the group has a new owner; KafkaError or TimeoutError when it did not work, in which
        case nothing, or all, of the window is in Kafka for a read_committed reader.
        """
        try:
            return await within(WINDOW_SECONDS, self._commit(window) if self._transactional else self._send(window))
        except (ProducerFenced, IllegalOperation) as fenced:
            # who is fenced in the middle of a window learns it by the second: the transaction is gone
            raise FencedError from fenced

    async def _commit(self, window: Sequence[Outgoing]) -> list[Published]:
        await self._producer.begin_transaction()
        published = await self._send(window)
        await self._producer.commit_transaction()
        return published

    async def _send(self, window: Sequence[Outgoing]) -> list[Published]:
        answers: list[asyncio.Future[RecordMetadata]] = []
        for row in window:
            headers = row.envelope.headers()
            answer = await self._producer.send(row.topic, row.body, key=row.key.encode(), headers=headers)
            answer.add_done_callback(_look_at)
            answers.append(answer)
        return [
            Published(row.outbox_id, told.partition, told.offset if told.offset >= 0 else None)
            for row, told in zip(window, await asyncio.gather(*answers), strict=True)
        ]

    async def _drop(self) -> None:
        """As _end, to its end: who is cancelled meanwhile would leave connections open."""
        ending = asyncio.ensure_future(self._end())
        ending.add_done_callback(_look_at)
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await asyncio.wait({ending})
            raise

    async def _end(self) -> None:
        """Ends the producer without delivering what is still queued: its window is published again by the next one.

        An open transaction is aborted by the next `init_transactions` of this id, or by its timeout. aiokafka's own
        `stop` would wait until everything is delivered, for ever if Kafka is away, hence the look at its parts; and a
        connection closes only when what it holds was sent, so that nobody can wait for that either.
        """
        producer = self._producer
        sender, queue = producer._sender, producer._message_accumulator
        tasks = _tasks_of(sender)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        queue.fail_all(KafkaError("the producer was dropped"))
        for waiter in (producer._txn_manager._transaction_waiter, *_drain_waiters(queue)):
            if waiter is not None and waiter.done():
                _look_at(waiter)
        try:
            await within(_STOP_SECONDS, producer.stop())
        except (KafkaError, OSError):
            with contextlib.suppress(KafkaError, OSError):
                await within(_STOP_SECONDS, producer.client.close())


def _tasks_of(sender: Sender) -> set[asyncio.Task[Any]]:
    """Its loop and the requests under way: these retry without end, and the loop, cancelled alone, waits for them."""
    return {
        task
        for task in asyncio.all_tasks()
        if (frame := getattr(task.get_coro(), "cr_frame", None)) and frame.f_locals.get("self") is sender
    }


def _drain_waiters(queue: MessageAccumulator) -> list[asyncio.Future[None]]:
    return [batch._drain_waiter for batches in queue._batches.values() for batch in batches]


def _look_at(answer: asyncio.Future[Any]) -> None:
    """Retrieves a failure, so that asyncio does not report it as forgotten when nobody waits for it any more."""
    if not answer.cancelled():
        answer.exception()
