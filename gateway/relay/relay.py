"""The relay: holds leases on groups of shards and runs one GroupRelay for each group it holds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Final

import structlog

from gateway.relay.group import MAY_PASS, GroupRelay, GroupState
from gateway.relay.leases import RENEW_SECONDS, Stop, leave, note_stops, prepare_leases, release_leases, renew_leases
from gateway.relay.outbox import ready_shards
from gateway.relay.station import Station
from gateway.relay.topics import Topics
from gateway.store.models import GROUPS

POLL_SECONDS: Final = 0.05
"""How often the outbox is looked at without a wake: rows of other processes, and rows that waited for others."""

STOP_SECONDS: Final = 15.0
_AWAY_SECONDS: Final = 0.5

_log = structlog.get_logger(__name__)


class Relay:
    """Publishes the outbox to Kafka. Several may run on one PostgreSQL; on SQLite there is one, inside the gateway."""

    def __init__(self, station: Station) -> None:
        self.database_error: str | None = None  # the class of what the database last failed by, None while it answers
        self._station = station
        self._database = station.database
        self._owner = station.owner
        self._topics = Topics(station.bootstrap, replication=station.replication, admin=station.transactional)
        self._groups: dict[int, GroupRelay] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ending: dict[int, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: dict[int, Stop | None] = {}

    def wake(self) -> None:
        """Rows were committed. From any thread; does nothing while the relay does not run."""
        if self._loop is not None and not self._loop.is_closed() and not self._woken.is_set():
            self._loop.call_soon_threadsafe(self._woken.set)

    @property
    def groups(self) -> list[GroupState]:
        """The groups that this relay works on, in the order of their numbers."""
        return [self._groups[number].state for number in sorted(self._groups)]

    async def run(self, stop: asyncio.Event) -> None:
        """Relays until `stop` is set; then finishes the windows in hand and gives its groups back.

        An error that is a fault of ours ends it by that error; a broker or database that is away does not.
        """
        self._loop = asyncio.get_running_loop()
        leases = asyncio.create_task(self._keep_leases(), name="relay-leases")
        looks = asyncio.create_task(self._look_for_rows(), name="relay-looks")
        stopped = asyncio.create_task(stop.wait(), name="relay-stop")
        try:
            await asyncio.wait({leases, looks, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for loop in (leases, looks):
                if loop.done():
                    loop.result()
        finally:
            self._loop = None
            for task in (leases, looks, stopped):
                task.cancel()
            await asyncio.gather(leases, looks, stopped, return_exceptions=True)
            await self._leave()

    async def _keep_leases(self) -> None:
        first, prepared = True, False
        while True:
            try:
                if not prepared:
                    await self._database.run(prepare_leases)
                    prepared = True
                await self._renew(first=first)
                first = False
                await self._tell_stops()
            except MAY_PASS as error:
                self._note_database(type(error).__name__)
            else:
                self._note_database(None)
            await asyncio.sleep(RENEW_SECONDS)

    async def _renew(self, *, first: bool) -> None:
        # a group whose task ended by itself (fenced, and no longer ours) is forgotten before the next round
        for group in [group for group, task in self._tasks.items() if task.done() and group not in self._ending]:
            self._tasks[group].result()
            self._forget(group)
        held, ending = frozenset(self._groups), frozenset(self._ending)
        leases = await self._database.run(renew_leases, self._owner, held, first, ending)
        # groups end beside the rounds: with Kafka away that takes seconds, in which the leases of all others would end
        for group in leases.lost - self._ending.keys():
            _log.warning("relay-group-lost", group=group)
            self._begin_to_end(group, self._end(group, at_once=True))
        for group in leases.taken:
            self._start(group)
        for group in leases.surplus - self._ending.keys():
            self._begin_to_end(group, self._give_back(group))

    async def _tell_stops(self) -> None:
        """Those who look at the whole hub, health and status, read it in the database."""
        news = {each.group: each.stop for each in self.groups if self._told.get(each.group) != each.stop}
        if news:
            await self._database.run(note_stops, self._owner, news)
            self._told |= news

    async def _look_for_rows(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            try:
                shards = await self._database.read(ready_shards)
            except MAY_PASS as error:
                self._note_database(type(error).__name__)
                await asyncio.sleep(_AWAY_SECONDS)
                continue
            for group in {shard % GROUPS for shard in shards} & self._groups.keys():
                self._groups[group].wake()

    def _start(self, group: int) -> None:
        relay = GroupRelay(self._station, self._topics, group)
        self._groups[group] = relay
        self._tasks[group] = asyncio.create_task(relay.run(), name=f"relay-group-{group}")

    def _begin_to_end(self, group: int, ending: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(ending, name=f"relay-group-{group}-ends")
        self._ending[group] = task
        task.add_done_callback(lambda _: self._ending.pop(group, None))

    async def _give_back(self, group: int) -> None:
        await self._end(group, at_once=False)
        with contextlib.suppress(*MAY_PASS):  # then its lease runs out
            await self._database.run(release_leases, self._owner, [group])

    async def _end(self, group: int, *, at_once: bool) -> None:
        task = self._tasks[group]
        if at_once:
            task.cancel()
        else:
            self._groups[group].finish()
        _, late = await asyncio.wait({task}, timeout=STOP_SECONDS)
        if late:
            task.cancel()
            _, late = await asyncio.wait({task}, timeout=STOP_SECONDS)
        if late:
            _log.error("relay-group-hangs", group=group)  # Kafka turns it away should it wake up
        self._forget(group)

    def _forget(self, group: int) -> None:
        for known in (self._groups, self._tasks, self._told):
            known.pop(group, None)

    async def _leave(self) -> None:
        held = list(self._groups)
        await asyncio.gather(*(self._end(group, at_once=False) for group in held if group not in self._ending))
        await asyncio.gather(*self._ending.values(), return_exceptions=True)
        try:
            await self._database.run(leave, self._owner, held)
        except MAY_PASS as error:
            _log.warning("relay-leases-not-released", error=type(error).__name__)

    def _note_database(self, error: str | None) -> None:
        if error is not None and error != self.database_error:
            _log.warning("relay-database-away", error=error)
        self.database_error = error
