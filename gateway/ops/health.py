"""Health that tells the truth: checks that run in the background, each with its own time, and answers that never wait.

A check that hangs is a check that failed; one that has not finished for too long is not believed any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from contract.errors import Refusal
from contract.event import rfc3339
from gateway.ops.faults import incident_of

EVERY_SECONDS: Final = 2.0
_SLACK_SECONDS: Final = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `reason` says what is wrong and what to do, and names neither source nor person: it is shown
    without a login. `detail` is shown with one."""

    ok: bool
    reason: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """`look` is run every few seconds and given up after `seconds`. `needed` says whether readiness hangs on it."""

    name: str
    look: Callable[[], Awaitable[Finding]]
    needed: bool = True
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """`checked` is when the oldest finding it rests on was made (UTC), None before the first."""

    ok: bool
    reasons: tuple[str, ...]
    checked: datetime | None


class Health:
    """Give it its checks, start it, and ask as often as you like."""

    def __init__(
        self, checks: Sequence[Check], every: float = EVERY_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._checks = tuple(checks)
        self._every = every
        self._clock = clock
        self._found: dict[str, tuple[float, datetime, Finding]] = {}
        self._running: dict[str, asyncio.Task[Finding]] = {}
        self._soon = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._started = False

    async def start(self) -> None:
        """Looks once, then keeps looking."""
        await self.look()
        self._loop = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        tasks = [*self._running.values(), *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    def look_soon(self) -> None:
        """Does not wait for the next round: something has just failed."""
        self._soon.set()

    def readiness(self) -> Readiness:
        """Whether this gateway can take a message in and keep it, now as far as anybody knows."""
        reasons: list[str] = []
        moments: list[datetime] = []
        for check in self._checks:
            if not check.needed:
                continue
            found = self._found.get(check.name)
            if found is None:
                reasons.append(f"{check.name}: not checked yet")
                continue
            age = self._clock() - found[0]
            moments.append(found[1])
            if age > self._every + check.seconds + _SLACK_SECONDS:
                reasons.append(f"{check.name}: not checked for {age:.0f} s")
            elif not found[2].ok:
                reasons.append(f"{check.name}: {found[2].reason}")
        return Readiness(not reasons, tuple(reasons), min(moments, default=None))

    @property
    def started(self) -> bool:
        """Whether this gateway has been ready at least once."""
        return self._started

    def report(self) -> dict[str, object]:
        """Everything the checks found, by their names. For those who are logged in."""
        readiness = self.readiness()
        checks = {
            name: {"ok": finding.ok, "reason": finding.reason, "checked": rfc3339(at), **finding.detail}
            for name, (_, at, finding) in self._found.items()
        }
        return {"ready": readiness.ok, "reasons": list(readiness.reasons), "checks": checks}

    async def look(self) -> None:
        """One round of all checks, at the same time. A check of an earlier round that still hangs is not begun anew."""
        await asyncio.gather(*(self._check(check) for check in self._checks))
        self._started = self._started or self.readiness().ok

    async def _keep_looking(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._soon.wait()
            self._soon.clear()
            await self.look()
            await asyncio.sleep(self._every / 4)

    async def _check(self, check: Check) -> None:
        task = self._running.get(check.name)
        if task is None:
            task = asyncio.ensure_future(_guarded(check))
            self._running[check.name] = task
        await asyncio.wait({task}, timeout=check.seconds)
        if task.done():
            del self._running[check.name]
            finding = task.result()
        else:
            finding = Finding(False, f"no answer within {check.seconds:g} s")
        before = self._found.get(check.name)
        if before is None or before[2].ok != finding.ok:
            log.info("health-changed", check=check.name, ok=finding.ok)
        self._found[check.name] = (self._clock(), datetime.now(UTC), finding)


async def _guarded(check: Check) -> Finding:
    try:
        return await check.look()
    except Refusal as refusal:
        return Finding(False, str(refusal))
    except Exception as fault:  # noqa: BLE001 a check that breaks is a finding, not the end of all checks
        incident = incident_of(fault)
        log.warning("health-check-failed", check=check.name, **incident.as_fields())
        return Finding(False, f"the check itself failed (incident {incident.id})")
