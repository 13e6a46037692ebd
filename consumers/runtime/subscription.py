"""One app's subscription: records in, transactions done, offsets committed; never an offset of what was not applied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from sqlalchemy.exc import SQLAlchemyError

from consumers.app import App
from consumers.database import Database
from consumers.event import read_event
from consumers.faults import PermanentFault
from consumers.runtime.deadletters import DeadLetters
from consumers.runtime.gaps import Gaps
from consumers.runtime.inbox import apply_events
from consumers.runtime.patience import Patience

POLL_MS: Final = 200
BATCH_RECORDS: Final = 500
NEW_TOPIC_MS: Final = 3_000
"""Within what time a topic that appears is subscribed to."""

START_SECONDS: Final = 30.0
AWAY_SECONDS: Final = 1.0
COMMIT_SECONDS: Final = 10.0
LEAVE_SECONDS: Final = 10.0

Ends: TypeAlias = Sequence[asyncio.Future[object]]
"""Done when a member should leave its group: asked to stop, or because of a gap."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Counts:
    """What happened since the start. `repeats` were known to the inbox; `buried` went to a dead-letter topic."""

    applied: int = 0
    repeats: int = 0
    buried: int = 0
    last_error: str | None = field(default=None)


class Subscription:
    """Runs one app. Several processes with the same app share its partitions; `group` is the app's name by default.

    `admin` is false on the stand-in, where topics appear by themselves. What the app's tables need is there before
    `run`, but for what its `prepare` makes.
    """

    def __init__(
        self,
        app: App,
        database: Database,
        bootstrap: str,
        *,
        group: str | None = None,
        admin: bool = True,
        patience: Patience | None = None,
    ) -> None:
        self._app = app
        self._database = database
        self._bootstrap = bootstrap
        self._group = group or app.name
        self._patience = patience or Patience()
        self._dead_letters = DeadLetters(bootstrap, self._group, admin=admin)
        self._gaps = Gaps(self._group, app.topics, admin=admin)
        self._working = asyncio.Lock()
        self._consumer: AIOKafkaConsumer | None = None
        self.counts = Counts()

    def snapshot(self) -> dict[str, object]:
        """What health shows: counts, every partition that waits, with the class of the error, and how many are `alone`,
        read by no member of the group. No values."""
        return {
            "app": self._app.name,
            "group": self._group,
            "partitions": len(self._consumer.assignment()) if self._consumer else 0,
            "alone": self._gaps.alone,
            "applied": self.counts.applied,
            "repeats": self.counts.repeats,
            "buried": self.counts.buried,
            "last_error": self.counts.last_error,
            "waiting": self._patience.as_list(),
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until `stop` is set, then finishes the batch in hand, commits it and leaves the group. Where a
        partition has no reader for some seconds, it leaves and joins again, so that no gap stays."""
        prepared = False
        try:
            while not stop.is_set():
                try:
                    if not prepared:
                        await self._database.run(self._app.prepare)
                        prepared = True
                    await self._consume(stop)
                except (KafkaError, SQLAlchemyError, OSError) as error:
                    self._note(error)
                    await asyncio.sleep(AWAY_SECONDS)
        finally:
            await self._dead_letters.close()

    async def _consume(self, stop: asyncio.Event) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=f"carehub-{self._app.name}",
            group_id=self._group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metadata_max_age_ms=NEW_TOPIC_MS,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
        )
        listener = _GivesBack(self)
        if isinstance(self._app.topics, str):
            consumer.subscribe(pattern=self._app.topics, listener=listener)
        else:
            consumer.subscribe(self._app.topics, listener=listener)
        try:
            async with asyncio.timeout(START_SECONDS):
                await consumer.start()
            self._consumer = consumer
            async with _ended(stop.wait(), self._gaps.appear(consumer)) as ends:
                while not any(end.done() for end in ends):
                    await self._round(consumer, ends)
        finally:
            self._consumer = None
            self._patience.forget()
            await _leave(consumer)

    async def _round(self, consumer: AIOKafkaConsumer, ends: Ends) -> None:
        now = asyncio.get_running_loop().time()
        if due := [p for p in self._patience.due(now) if p in consumer.paused()]:
            consumer.resume(*due)
        # what is fetched is applied, never dropped, even if its partition was given back meanwhile: the position may
        # have moved past it for good. Should another member apply it too, the inbox lets one of them
        batches = await _fetched(consumer, ends)
        async with self._working:
            if batches:
                await self._commit(consumer, await self._work(consumer, batches))

    async def _work(
        self, consumer: AIOKafkaConsumer, batches: Mapping[TopicPartition, Sequence[ConsumerRecord]]
    ) -> dict[TopicPartition, int]:
        """Applies what was fetched in one transaction; when that fails, partition by partition, so that only the one
        that is at fault waits. Returns the offsets to go on from."""
        try:
            await self._apply([record for records in batches.values() for record in records])
        except Exception:  # noqa: BLE001 (whatever an app raises: its record is found)
            return {each: await self._work_on_partition(consumer, each, records) for each, records in batches.items()}
        for partition in batches:
            self._patience.worked(partition)
        return {partition: int(records[-1].offset) + 1 for partition, records in batches.items()}

    async def _work_on_partition(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[ConsumerRecord]
    ) -> int:
        try:
            await self._apply(records)
        except Exception:  # noqa: BLE001 (whatever an app raises: its record is found one by one)
            for record in records:
                try:
                    await self._work_on_one(record)
                except Exception as error:  # noqa: BLE001 (whatever an app raises may pass)
                    self._wait(consumer, partition, record.offset, error)
                    return int(record.offset)
        self._patience.worked(partition)
        return int(records[-1].offset) + 1

    async def _work_on_one(self, record: ConsumerRecord) -> None:
        try:
            await self._apply([record])
        except PermanentFault as fault:
            await self._dead_letters.bury(record, fault.code)
            self.counts.buried += 1
            place = self._where(record.topic, record.partition, record.offset)
            _log.warning("event-buried", **place, reason=fault.code)

    def _wait(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int, error: Exception) -> None:
        if partition not in consumer.assignment():
            return  # given back meanwhile: its next owner begins at this record
        consumer.pause(partition)
        consumer.seek(partition, offset)
        now = asyncio.get_running_loop().time()
        wait = self._patience.wait(partition, offset, type(error).__name__, now)
        self.counts.last_error = wait.error
        place = self._where(partition.topic, partition.partition, offset)
        _log.warning("partition-waits", **place, error=wait.error, at=_line_of(error), seconds=wait.seconds)

    async def _apply(self, records: Sequence[ConsumerRecord]) -> None:
        events = [read_event(record) for record in records]
        applied = await self._database.run(apply_events, self._app, events)
        self.counts.applied += applied
        self.counts.repeats += len(events) - applied

    async def _commit(self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await consumer.commit(dict(offsets))
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            self._note(error)  # these records are read again, here or by another member, and the inbox knows them

    async def give_back(self) -> None:
        """Waits until the work in hand is applied and committed."""
        async with self._working:
            self._patience.forget()

    def _note(self, error: Exception) -> None:
        name = type(error).__name__
        if self.counts.last_error != name:
            _log.warning("consumer-trouble", app=self._app.name, error=name)
        self.counts.last_error = name

    def _where(self, topic: str, partition: int, offset: int) -> dict[str, object]:
        return {"app": self._app.name, "topic": topic, "partition": partition, "offset": offset}


@asynccontextmanager
async def _ended(*reasons: Coroutine[None, None, object]) -> AsyncIterator[Ends]:
    """Tasks, each of which is done when there is a reason to end. Raises what one of them raised."""
    ends = [asyncio.ensure_future(reason) for reason in reasons]
    try:
        yield ends
        for end in ends:
            if end.done():
                end.result()
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)


async def _fetched(consumer: AIOKafkaConsumer, ends: Ends) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
    """The next records; none when nothing came in time, or when it is time to end: a fetch waits for the group for as
    long as a rebalance takes, for ever if Kafka is away."""
    fetch = asyncio.ensure_future(consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS))
    try:
        await asyncio.wait({fetch, *ends}, return_when=asyncio.FIRST_COMPLETED)
        return fetch.result() if fetch.done() else {}
    finally:
        fetch.cancel()
        await asyncio.gather(fetch, return_exceptions=True)


async def _leave(consumer: AIOKafkaConsumer) -> None:
    """Leaves the group, in a task of its own: with Kafka away aiokafka's `stop` is slow, and lets cancellations of its
    own requests out. Then its connections are closed; one closes only when what it holds was sent, so that nobody can
    wait for that either."""
    for way_out in (consumer.stop, consumer._client.close):
        leaving = asyncio.ensure_future(way_out())
        await asyncio.wait({leaving}, timeout=LEAVE_SECONDS)
        if leaving.done() and not leaving.cancelled() and leaving.exception() is None:
            return
        leaving.cancel()


class _GivesBack(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        await self._subscription.give_back()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        _log.info("partitions-assigned", count=len(assigned))


def _line_of(error: BaseException) -> str:
    """Where an error was raised, as `module.py:12`: its text may hold values of the event, its place does not."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
