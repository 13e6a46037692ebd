"""What every door does with a message once it knows who sent it: take it in, count it, answer for our own faults."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog

from contract.errors import CarehubError, Refusal, Unavailable
from gateway.delivery import Delivery, Receipt
from gateway.ops.faults import Incident, incident_of
from gateway.ops.metrics import Metrics

Take: TypeAlias = Callable[[Delivery], Awaitable[Receipt]]
"""`intake`, bound to its hub. Raises Refusal."""

log = structlog.get_logger()


class Reception:
    """`door` is the metric label of the transport: `http`, `mllp`, `file`, `waiting` or `retry`.

    `admit` raises Unavailable when nothing may come in now (the backlog's budget); `seen` is told of each source that
    was heard; `unavailable` is called when a message could not be made durable, so that health finds out at once.
    """

    def __init__(
        self,
        take: Take,
        metrics: Metrics,
        *,
        admit: Callable[[], None] = lambda: None,
        seen: Callable[[str], None] = lambda _: None,
        unavailable: Callable[[], None] = lambda: None,
    ) -> None:
        self._take = take
        self._metrics = metrics
        self._admit = admit
        self._seen = seen
        self._unavailable = unavailable

    async def receive(self, delivery: Delivery, door: str) -> Receipt:
        """Takes the message in. Raises Refusal as intake does, and Fault for what nobody foresaw."""
        source = delivery.principal.id
        begun = time.perf_counter()
        if delivery.resumes is None and delivery.retries is None:
            self._seen(source)
        try:
            self._admit()
            receipt = await self._take(delivery)
        except Refusal as refusal:
            self._metrics.refused(source, door, refusal.code, time.perf_counter() - begun)
            if isinstance(refusal, Unavailable):
                self._unavailable()
            raise
        except Exception as fault:  # noqa: BLE001 an unforeseen fault must reach sender and log without its text
            incident = incident_of(fault)
            self._metrics.refused(source, door, incident.code, time.perf_counter() - begun)
            log.warning("message-failed", door=door, source=source, **incident.as_fields())
            raise Fault(incident) from None
        self._metrics.received(receipt, delivery, door, time.perf_counter() - begun)
        return receipt


class Fault(CarehubError):
    """A fault of the hub itself. Nothing was acknowledged; the sender may send again."""

    def __init__(self, incident: Incident) -> None:
        super().__init__(incident.id)
        self.incident = incident
