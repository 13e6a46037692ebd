"""An address of the HTTP door: runs the work, translates what it raises, sends the answer, counts and logs.

A sender that goes away cancels nothing here: work that has begun is finished, and only the answer finds nobody.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import structlog
from starlette.types import Receive, Scope, Send

from contract.errors import Refusal
from gateway.http import refusals
from gateway.http.body import SenderLeft, TooSlow
from gateway.http.exchange import Answer, Asked, WrongRequest, send_answer
from gateway.http.front import Front
from gateway.ops.faults import Incident, incident_of
from gateway.reception import Fault

Work: TypeAlias = Callable[[Asked, Front], Awaitable[Answer]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Address:
    """`path` is a template; `described` is its OpenAPI operation, written by hand. `bars` has refusals coded as the
    Booking and Referral Standard asks."""

    method: str
    path: str
    work: Work
    described: Mapping[str, Any] = field(default_factory=dict)
    bars: bool = False


class Endpoint:
    """The ASGI application of one address."""

    def __init__(self, address: Address, front: Front) -> None:
        self._address = address
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        address = self._address
        asked = Asked(scope, receive)
        try:
            answer = await self._answer(asked)
        except SenderLeft:
            log.info("sender-left", route=address.path, source=asked.principal_id)
            return
        if asked.echoed:
            answer = answer.with_headers(*asked.echoed)
        await send_answer(send, asked, answer)
        seconds = time.perf_counter() - begun
        self._front.metrics.answered(address.path, address.method, answer.status, seconds)
        if answer.status >= 400:
            log.info("request-refused", route=address.path, status=answer.status, source=asked.principal_id)

    async def _answer(self, asked: Asked) -> Answer:
        address = self._address
        try:
            return await address.work(asked, self._front)
        except Refusal as refusal:
            if not refusal.kept:
                self._front.metrics.refused(asked.principal_id, "http", refusal.code)
            return refusals.refused(refusal, bars=address.bars)
        except WrongRequest as wrong:
            return refusals.wrong_request(400, str(wrong))
        except TooSlow:
            return refusals.wrong_request(408)
        except Fault as fault:
            return refusals.failed(fault.incident)
        except SenderLeft:
            raise
        except Exception as fault:  # noqa: BLE001 the sender must get an answer, without the fault's text
            return refusals.failed(self._logged(incident_of(fault), asked))

    def _logged(self, incident: Incident, asked: Asked) -> Incident:
        log.warning("request-failed", route=self._address.path, source=asked.principal_id, **incident.as_fields())
        return incident
