"""How much may wait for Kafka, and how long until no more does. Measured in the background; while the budget is used
up, senders are asked to wait."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from contract.errors import Code, Unavailable, refuse
from gateway.store.database import Database
from gateway.store.health import Backlog, measure_backlog

WINDOW_SECONDS: Final = 60.0
SETTLED_SECONDS: Final = 10.0
"""The present rate is that since the lowest measure of the window that is at least so old: a burst of a second says
nothing of the next hour."""

_MOST_MEASURES: Final = 256


@dataclass(frozen=True, slots=True)
class Budget:
    """Unpublished outbox rows and the bytes of their events."""

    rows: int
    size: int

    def used_up(self, found: Backlog) -> bool:
        return found.rows >= self.rows or found.size >= self.size


@dataclass(frozen=True, slots=True)
class Measure:
    """A backlog at a moment of a monotonic clock, in seconds."""

    at: float
    found: Backlog


def seconds_until_full(measures: Sequence[Measure], budget: Budget, settled: float = SETTLED_SECONDS) -> float | None:
    """How long until rows or bytes, whichever are first, have used the budget up at the present rate: 0.0 when they
    have, None when neither grows, or nobody can tell yet. `measures` are in the order of time."""
    if not measures:
        return None
    last = measures[-1]
    if budget.used_up(last.found):
        return 0.0
    before = [each for each in measures[:-1] if settled <= last.at - each.at <= WINDOW_SECONDS]
    rows = _seconds([(each.at, each.found.rows) for each in (*before, last)], budget.rows)
    size = _seconds([(each.at, each.found.size) for each in (*before, last)], budget.size)
    return min((each for each in (rows, size) if each is not None), default=None)


def _seconds(amounts: Sequence[tuple[float, int]], most: int) -> float | None:
    at, now = amounts[-1]
    since, lowest = min(amounts, key=lambda each: (each[1], -each[0]))
    return (most - now) * (at - since) / (now - lowest) if now > lowest else None


class BacklogGuard:
    """Knows the backlog as last measured, and how it came to be so."""

    def __init__(self, database: Database, budget: Budget, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._measures: deque[Measure] = deque(maxlen=_MOST_MEASURES)
        self.budget = budget

    async def measure(self) -> Backlog:
        """Raises Unavailable when the database is away."""
        found = await self._database.read(measure_backlog, datetime.now(UTC))
        self._measures.append(Measure(self._clock(), found))
        return found

    @property
    def oldest_seconds(self) -> float:
        """For how long the oldest unpublished event had waited when last measured; 0.0 when there was none."""
        return self._measures[-1].found.oldest_seconds if self._measures else 0.0

    @property
    def used_up(self) -> bool:
        return bool(self._measures) and self.budget.used_up(self._measures[-1].found)

    @property
    def seconds_until_full(self) -> float | None:
        return seconds_until_full(tuple(self._measures), self.budget)

    def admit(self) -> None:
        """Raises Unavailable while the budget is used up: Kafka has been away for too long."""
        if self.used_up:
            raise refuse(Unavailable, Code.UNAVAILABLE, "too many events wait to be published; send it again later")
