"""Releases messages that waited for their parents: through intake again, in the order they arrived."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from contract.errors import Refusal
from gateway.hub import Hub
from gateway.ops.faults import incident_of
from gateway.reception import Reception
from gateway.rows import Worker, pause, stored_delivery
from gateway.store.states import releasable

_POLL_SECONDS: Final = 0.5
_AT_ONCE: Final = 200

log = structlog.get_logger()


class WaitingRoom:
    """Several gateways may run one on the same database: what another has released answers as kept."""

    def __init__(self, hub: Hub, reception: Reception) -> None:
        self._hub = hub
        self._worker = Worker(hub, reception, "waiting")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            released = 0
            try:
                released = await self.release()
            except Refusal as refusal:
                log.info("waiting-room-waits", code=str(refusal.code))
            except Exception as fault:  # noqa: BLE001 one message's fault must not keep all others waiting
                log.warning("waiting-room-failed", **incident_of(fault).as_fields())
            if released < _AT_ONCE:
                await asyncio.sleep(_POLL_SECONDS)

    async def release(self) -> int:
        """Takes in every message whose parents have come; returns how many there were. Raises Unavailable."""
        ready = await self._hub.database.read(releasable, _AT_ONCE)
        for message in ready:
            await self._worker.settle(await stored_delivery(self._hub, message), pause)
        return len(ready)
