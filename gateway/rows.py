"""One row of a file, or one message that waited: taken in like any other, but nobody stands at the door for an answer.

So nothing may be refused without being kept, and what cannot be kept now is tried again until it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeAlias

import structlog

from contract.errors import Code, Issue, Refusal, TooMany, Unavailable
from gateway.delivery import Delivery
from gateway.hub import Hub
from gateway.intake import in_row, keeping, who_sent
from gateway.reception import Fault, Reception
from gateway.store.keeping import Refused
from gateway.store.sources import registered_source, sender_of
from gateway.store.states import Waiting

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0

Pause: TypeAlias = Callable[[float], Awaitable[None]]
"""Waits so many seconds; raises to give the work up."""

log = structlog.get_logger()


class Worker:
    """Takes rows in through `reception`; `door` is the metric label, `file` or `waiting`."""

    def __init__(self, hub: Hub, reception: Reception, door: str) -> None:
        self._hub = hub
        self._reception = reception
        self._door = door

    async def settle(self, delivery: Delivery, pause: Pause, issue: Issue | None = None) -> None:
        """Returns once the row is kept: accepted, waiting, or refused as a dead letter. `issue` says why it is known
        to be refused already. Between attempts it calls `pause`."""
        seconds = _FIRST_PAUSE_SECONDS
        while True:
            try:
                if issue is not None:
                    await self._keep_refused(delivery, (issue,))
                else:
                    await self._take(delivery)
            except (Unavailable, TooMany):
                await pause(seconds)
                seconds = min(2 * seconds, _LONGEST_PAUSE_SECONDS)
            else:
                return

    async def _take(self, delivery: Delivery) -> None:
        try:
            await self._reception.receive(delivery, self._door)
        except (Unavailable, TooMany):
            raise
        except Refusal as refusal:
            if not refusal.kept:
                await self._keep_refused(delivery, in_row(refusal, delivery).issues)
        except Fault as fault:
            text = f"the hub could not take this message in; it is kept (incident {fault.incident.id})"
            await self._keep_refused(delivery, (Issue(Code.INTERNAL_ERROR, "", text),))

    async def _keep_refused(self, delivery: Delivery, issues: tuple[Issue, ...]) -> None:
        plain = replace(delivery, idempotency_key=None)
        await self._hub.keeper.keep(keeping(plain, who_sent(delivery), None, Refused(issues)))


async def stored_delivery(hub: Hub, message: Waiting, *, overdue: bool = False) -> Delivery:
    """A message that waits in the store, as it came; with `overdue`, for the last time. Raises Unavailable."""
    source = await hub.database.read(registered_source, message.source)
    return Delivery(
        sender_of(source),
        message.body,
        message.content_type,
        message.received,
        row=message.row,
        resumes=message.id,
        overdue=overdue,
        traceparent=message.traceparent,
    )


async def pause(seconds: float) -> None:
    await asyncio.sleep(seconds)
