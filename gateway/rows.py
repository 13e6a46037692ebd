"""One row of a file, or one message that waited: taken in like any other, but nobody stands at the door for an answer.

So nothing may be refused without being kept, and what cannot be kept now is tried again until it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

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

NOT_NOW: Final = (Unavailable, TooMany)
"""What nobody keeps: the sender of a single message would send it again."""

log = structlog.get_logger()


class Worker:
    """Takes rows in through `reception`; `door` is the metric label, `file` or `waiting`."""

    def __init__(self, hub: Hub, reception: Reception, door: str) -> None:
        self._hub = hub
        self._reception = reception
        self._door = door

    async def settle(self, delivery: Delivery) -> None:
        """Returns once the row is kept."""
        for seconds in pauses():
            try:
                await self.attempt(delivery)
            except NOT_NOW:
                await asyncio.sleep(seconds)
            else:
                return

    async def attempt(self, delivery: Delivery, issue: Issue | None = None) -> None:
        """Returns once the row is kept: accepted, waiting, or refused as a dead letter. `issue` says why it is known
        to be refused already. Raises one of NOT_NOW when it cannot be kept now."""
        if issue is not None:
            return await self._keep_refused(delivery, (issue,))
        try:
            await self._reception.receive(delivery, self._door)
        except NOT_NOW:
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


def pauses() -> Iterator[float]:
    """How long to wait between attempts, without end, in seconds."""
    seconds = _FIRST_PAUSE_SECONDS
    while True:
        yield seconds
        seconds = min(2 * seconds, _LONGEST_PAUSE_SECONDS)
