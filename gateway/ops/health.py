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
        self._soon = {check.name: asyncio.Event() for check in self._checks}
        self._loops: list[asyncio.Task[None]] = []
        self._started = False

    async def start(self) -> None:
        """Looks once at what readiness hangs on, then keeps looking at everything."""
        await asyncio.gather(*(self._check(check) for check in self._checks if check.needed))
        self._note_start()
        self._loops = [asyncio.create_task(self._keep_looking(check)) for check in self._checks]

    async def stop(self) -> None:
        tasks = [*self._loops, *self._running.values()]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    def look_soon(self) -> None:
        """Does not wait for the next time: something has just failed."""
        for soon in self._soon.values():
            soon.set()

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
        """Everything the checks found, by their names; `well` when nothing is wrong anywhere. For who is logged in."""
        readiness = self.readiness()
        checks = {check.name: self._told(check) for check in self._checks}
        well = all(told["ok"] for told in checks.values())
        return {"ready": readiness.ok, "well": well, "reasons": list(readiness.reasons), "checks": checks}

    def _told(self, check: Check) -> dict[str, object]:
        if (found := self._found.get(check.name)) is None:
            return {"ok": False, "reason": "not checked yet", "checked": None}
        _, at, finding = found
        return {"ok": finding.ok, "reason": finding.reason, "checked": rfc3339(at), **finding.detail}

    async def look(self) -> None:
        """One round of all checks, at the same time. A check that still hangs is not begun anew."""
        await asyncio.gather(*(self._check(check) for check in self._checks))
        self._note_start()

    def _note_start(self) -> None:
        self._started = self._started or self.readiness().ok

    async def _keep_looking(self, check: Check) -> None:
        # each by itself: one that hangs must not make the others late, the budget of the backlog least of all
        soon = self._soon[check.name]
        if not check.needed:
            soon.set()  # the start has not looked at it
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await soon.wait()
            soon.clear()
            await self._check(check)
            self._note_start()
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
