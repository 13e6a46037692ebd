"""The retention job: takes away what has been kept for as long as was set, in small steps with pauses between.

Every gateway looks; one of them has the turn. A run that is long is cut off, and goes on at the next turn.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from gateway.ops.attempts import Attempts
from gateway.ops.metrics import Metrics
from gateway.store.clock import Clock, SteadyClock
from gateway.store.database import Database
from gateway.store.retention import KINDS, Lifetimes, look_for_due, note_run, remove_due, take_turn

EVERY: Final = timedelta(hours=1)
LOOK_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 1800.0
"""Of one run by the job: well below EVERY, so that two never work at a time."""

_LEAST_PAUSE: Final = 0.05

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Swept:
    """Rows removed by kind, and whether something may be left that is due."""

    removed: Counter[str]
    left: bool


async def sweep(
    database: Database,
    lifetimes: Lifetimes,
    actor: str,
    now: datetime,
    *,
    longest: float | None = None,
    pause: Callable[[float], Any] = asyncio.sleep,
) -> Swept:
    """One run, for at most `longest` seconds, on record. Between two transactions it rests for as long as the last one
    took. Raises Unavailable."""
    begun = time.monotonic()
    removed: Counter[str] = Counter()
    left = False
    for kind in KINDS:
        after: Any = None
        while not left:
            step = time.monotonic()
            gone, after = await database.run(remove_due, kind, lifetimes, now, after)
            removed += gone
            if after is None:
                break
            left = longest is not None and time.monotonic() - begun > longest
            await pause(max(_LEAST_PAUSE, time.monotonic() - step))
    await database.run(note_run, actor, now, removed, seconds=time.monotonic() - begun, left=left)
    return Swept(removed, left)


async def count_due(database: Database, lifetimes: Lifetimes, now: datetime) -> dict[str, int]:
    """What a run would find of each kind; removes nothing."""
    due: Counter[str] = Counter()
    for kind in KINDS:
        after: Any = None
        while True:
            found, after = await database.read(look_for_due, kind, lifetimes, now, after)
            due[kind.name] += found
            if after is None:
                break
    return {kind.name: due[kind.name] for kind in KINDS}


class Retention:
    def __init__(
        self,
        database: Database,
        lifetimes: Lifetimes,
        metrics: Metrics,
        process: str,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._lifetimes = lifetimes
        self._metrics = metrics
        self._process = process
        self._clock = clock or SteadyClock()
        self._attempts = Attempts("retention")

    async def run(self) -> None:
        """Until cancelled. Looks for the first time when the gateway has found its feet."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with self._attempts.attempt():
                await self.look()

    async def look(self) -> None:
        """Does the run that is due, unless another gateway has. Raises Unavailable."""
        now = await self._database.read(self._clock)  # a clock that leaps must not take anything away
        if not await self._database.run(take_turn, now, EVERY):
            return
        swept = await sweep(self._database, self._lifetimes, self._process, now, longest=LONGEST_SECONDS)
        for kind, rows in swept.removed.items():
            self._metrics.removed(kind).inc(rows)
        log.info("retention-run", removed=dict(swept.removed), left=swept.left)
