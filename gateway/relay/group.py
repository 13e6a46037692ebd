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
from contract.event import rfc3339
from gateway.relay.leases import is_owner, shards_of
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
    """What health shows of a group. `error` is the class of what stopped it, None while it runs; times are UTC."""

    group: int
    published: int = 0
    last_published: datetime | None = None
    error: str | None = None
    stopped: datetime | None = None

    def as_dict(self) -> dict[str, object]:
        return {
            "group": self.group,
            "published": self.published,
            "last_published": rfc3339(self.last_published) if self.last_published else None,
            "error": self.error,
            "stopped": rfc3339(self.stopped) if self.stopped else None,
        }


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
            except FencedError:
                self._note(FencedError.__name__)
                if not await self._still_ours():
                    return
            except MAY_PASS as error:
                self._note(type(error).__name__)
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
            self.state.error = self.state.stopped = None
            if window:
                await self._publish(publisher, window)
            else:
                await self._signal.wait()

    async def _publish(self, publisher: Publisher, window: Sequence[Outgoing]) -> None:
        await self._topics.ensure({row.topic for row in window})
        # kept until marked: a database that is away for a moment must not make the next window repeat this one
        self._unmarked = await publisher.publish(window)
        self._halvings = max(0, self._halvings - 1)
        self.state.published += len(window)
        self.state.last_published = datetime.now(UTC)

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

    def _note(self, error: str) -> None:
        if self.state.error != error:
            _log.warning("relay-group-stopped", group=self.state.group, error=error)
        self.state.error = error
        self.state.stopped = self.state.stopped or datetime.now(UTC)
