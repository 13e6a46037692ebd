"""One group of shards, from its takeover until it is lost or given back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from contract.errors import Misconfigured, Unavailable
from gateway.relay.leases import Stop, is_owner, shards_of
from gateway.relay.outbox import WINDOW_BYTES, WINDOW_ROWS, Outgoing, Published, mark_published, next_window
from gateway.relay.publisher import FencedError, Publisher
from gateway.relay.station import Station
from gateway.relay.topics import Topics

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 5.0
MOST_HALVINGS: Final = WINDOW_ROWS.bit_length()
"""Of a window, down to one row."""

MAY_PASS: Final = (KafkaError, Unavailable, Misconfigured, SQLAlchemyError, OSError, TimeoutError)
"""What stops a group for a while only. Anything else is a fault of ours and ends the relay."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class GroupState:
    """How a group is doing: how many records it has published, and what stops it, None while it goes on."""

    group: int
    published: int = 0
    stop: Stop | None = None


class GroupRelay:
    """Publishes one group's rows in order: take over, then window after window; after a failure, take over again."""

    def __init__(self, station: Station, topics: Topics, group: int) -> None:
        self._database = station.database
        self._topics = topics
        self._bootstrap = station.bootstrap
        self._shards = shards_of(group)
        self._owner = station.owner
        self._transactional_id = f"carehub-relay-{station.hub_id}-{group}" if station.transactional else None
        self._signal = asyncio.Event()
        self._finish = asyncio.Event()
        self._unmarked: Sequence[Published] = ()
        self._halvings = 0
        self.state = GroupState(group)

    def wake(self) -> None:
        """There may be rows."""
        self._signal.set()

    def finish(self) -> None:
        """Asks it to end after the window in hand."""
        self._finish.set()
        self._signal.set()

    async def run(self) -> None:
        """Returns when asked to finish, or when the group has another owner."""
        pause = FIRST_PAUSE_SECONDS
        while not self._finish.is_set():
            before = self.state.published
            try:
                # rows are read only after the takeover: what a former owner still got through is then behind us
                async with Publisher(self._bootstrap, self._transactional_id) as publisher:
                    await self._publish_all(publisher)
            except FencedError as error:
                self._note(error)
                if not await self._still_ours():
                    return
            except MAY_PASS as error:
                self._note(error)
                self._topics.forget()
                self._halvings = min(self._halvings + 1, MOST_HALVINGS)
            pause = FIRST_PAUSE_SECONDS if self.state.published > before else min(pause * 2, LONGEST_PAUSE_SECONDS)
            await self._rest(pause)

    async def _publish_all(self, publisher: Publisher) -> None:
        while True:
            if self._unmarked:
                await self._database.run(mark_published, self._unmarked)
                self._unmarked = ()
            if self._finish.is_set():
                return
            self._signal.clear()
            window = await self._database.read(next_window, self._shards, *self._limits)
            if window:
                await self._publish(publisher, window)
            self.state.stop = None  # only now: a window may have been turned away again and again
            if not window:
                await self._signal.wait()

    async def _publish(self, publisher: Publisher, window: Sequence[Outgoing]) -> None:
        await self._topics.ensure({row.topic for row in window})
        # kept until marked: a database that is away for a moment must not make the next window repeat this one
        self._unmarked = await publisher.publish(window)
        self._halvings = max(0, self._halvings - 1)
        self.state.published += len(window)

    @property
    def _limits(self) -> tuple[int, int]:
        """Rows and bytes of a window: half as much after each failure, since Kafka may be too slow for all of it."""
        return max(1, WINDOW_ROWS >> self._halvings), WINDOW_BYTES >> self._halvings

    async def _still_ours(self) -> bool:
        try:
            return await self._database.read(is_owner, self._owner, self.state.group)
        except MAY_PASS:
            return False

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._finish.wait()

    def _note(self, error: BaseException) -> None:
        name, before = type(error).__name__, self.state.stop
        if before is None or before.error != name:
            told = {"reason": str(error)} if isinstance(error, Misconfigured) else {}  # ours: it names a topic
            _log.warning("relay-group-stopped", group=self.state.group, error=name, **told)
        self.state.stop = Stop(name, before.since if before else datetime.now(UTC))
