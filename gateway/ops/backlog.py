"""How much may wait for Kafka. Measured in the background; while the budget is used up, senders are asked to wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from contract.errors import Code, Unavailable, refuse
from gateway.store.database import Database
from gateway.store.health import Backlog, measure_backlog


@dataclass(frozen=True, slots=True)
class Budget:
    """Unpublished outbox rows and the bytes of their events."""

    rows: int
    size: int


class BacklogGuard:
    """Knows the backlog as last measured."""

    def __init__(self, database: Database, budget: Budget) -> None:
        self._database = database
        self.budget = budget
        self.found: Backlog | None = None

    async def measure(self) -> Backlog:
        """Raises Unavailable when the database is away."""
        self.found = await self._database.read(measure_backlog, datetime.now(UTC))
        return self.found

    @property
    def used_up(self) -> bool:
        found = self.found
        return found is not None and (found.rows >= self.budget.rows or found.size >= self.budget.size)

    def admit(self) -> None:
        """Raises Unavailable while the budget is used up: Kafka has been away for too long."""
        if self.used_up:
            raise refuse(Unavailable, Code.UNAVAILABLE, "too many events wait to be published; send it again later")
