"""Releases messages that waited for their parents: through intake again, in the order they arrived."""

from __future__ import annotations

import asyncio
from typing import Final

from gateway.hub import Hub
from gateway.ops.attempts import Attempts
from gateway.reception import Reception
from gateway.rows import Worker, stored_delivery
from gateway.store.states import releasable

_POLL_SECONDS: Final = 0.5
_AT_ONCE: Final = 200


class WaitingRoom:
    """Several gateways may run one on the same database: what another has released answers as kept."""

    def __init__(self, hub: Hub, reception: Reception) -> None:
        self._hub = hub
        self._worker = Worker(hub, reception, "waiting")
        self._attempts = Attempts("waiting-room")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            released = 0
            with self._attempts.attempt():
                released = await self.release()
            if released < _AT_ONCE:
                await asyncio.sleep(_POLL_SECONDS)

    async def release(self) -> int:
        """Takes in every message whose parents have come; returns how many there were. Raises Unavailable."""
        ready = await self._hub.database.read(releasable, _AT_ONCE)
        for message in ready:
            await self._worker.settle(await stored_delivery(self._hub, message))
        return len(ready)
