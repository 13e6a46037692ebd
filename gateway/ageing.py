"""Ends waits: a message whose parent did not come in time goes through intake once more, and is a dead letter then.

Every gateway looks; each overdue message is taken up by one of them.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from gateway.hub import Hub
from gateway.ops.attempts import Attempts
from gateway.reception import Reception
from gateway.rows import NOT_NOW, Worker, stored_delivery
from gateway.store.clock import Clock, SteadyClock
from gateway.store.fingerprints import name_unnamed
from gateway.store.overdue import take_overdue

LOOK_SECONDS: Final = 15.0
_CLAIM: Final = timedelta(minutes=5)
_AT_ONCE: Final = 200

log = structlog.get_logger()


class Ageing:
    """`seconds` is how long a message waits for its parent. On the way, letters that an earlier version kept get their
    group."""

    def __init__(
        self,
        hub: Hub,
        reception: Reception,
        seconds: float,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._hub = hub
        self._worker = Worker(hub, reception, "waiting")
        self._attempts = Attempts("ageing")
        self._patience = timedelta(seconds=seconds)
        self._clock = clock or SteadyClock()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            worked = 0
            with self._attempts.attempt():
                worked = await self.end_waits() + await self._hub.database.run(name_unnamed, _AT_ONCE)
            if not worked:
                await asyncio.sleep(min(LOOK_SECONDS, self._patience.total_seconds()))

    async def end_waits(self) -> int:
        """Takes in, for the last time, what has waited for long enough; returns how many there were. Raises
        Unavailable."""
        now = await self._hub.database.read(self._clock)
        overdue = await self._hub.database.run(take_overdue, now - self._patience, now, _CLAIM, _AT_ONCE)
        for message in overdue:
            try:
                await self._worker.attempt(await stored_delivery(self._hub, message, overdue=True))
            except NOT_NOW:  # its claim runs out: one source whose pack is broken must not keep the others' waiting
                log.info("wait-not-ended", message=message.id, source=message.source)
        if overdue:
            log.info("waits-ended", messages=len(overdue))
        return len(overdue)
