"""Health never waits, never believes what is old, and never says yes because a check broke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contract.errors import Code, Unavailable, refuse
from gateway.ops.health import Check, Finding, Health


class Looked:
    """A check whose finding the test sets."""

    def __init__(self) -> None:
        self.finding: Finding | Exception = Finding(True, detail={"rows": 3})
        self.hangs = False
        self.looks = 0

    async def __call__(self) -> Finding:
        self.looks += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if isinstance(self.finding, Exception):
            raise self.finding
        return self.finding


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def running(*checks: Check, every: float = 0.02, clock: Clock | None = None) -> AsyncIterator[Health]:
    health = Health(checks, every, clock) if clock else Health(checks, every)
    await health.start()
    try:
        yield health
    finally:
        await health.stop()


async def becomes(health: Health, *, ok: bool) -> tuple[str, ...]:
    async with asyncio.timeout(5):
        while health.readiness().ok is not ok:
            await asyncio.sleep(0.005)
    return health.readiness().reasons


async def looked_at(check: Looked) -> None:
    async with asyncio.timeout(5):
        while not check.looks:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.005)


def test_nothing_is_ready_before_it_was_looked_at() -> None:
    health = Health([Check("database", Looked())])
    readiness = health.readiness()
    assert not readiness.ok
    assert health.report()["checks"] == {"database": {"ok": False, "reason": "not checked yet", "checked": None}}
    assert readiness.reasons == ("database: not checked yet",)


async def test_ready_follows_the_checks_there_and_back() -> None:
    database = Looked()
    async with running(Check("database", database)) as health:
        assert health.readiness().ok
        database.finding = Finding(False, "cannot be written: is it full?")
        assert await becomes(health, ok=False) == ("database: cannot be written: is it full?",)
        assert health.started, "it was ready once"
        database.finding = Finding(True)
        await becomes(health, ok=True)


async def test_a_check_that_hangs_has_failed_and_is_not_piled_up() -> None:
    database = Looked()
    database.hangs = True
    async with running(Check("database", database, seconds=0.01)) as health:
        await becomes(health, ok=False)
        assert "no answer within" in health.readiness().reasons[0]
        await asyncio.sleep(0.1)
        assert database.looks == 1


@pytest.mark.parametrize("broken", [refuse(Unavailable, Code.UNAVAILABLE, "database away"), KeyError("SMITH")])
async def test_a_check_that_breaks_has_failed_without_its_text(broken: Exception) -> None:
    database = Looked()
    database.finding = broken
    async with running(Check("database", database)) as health:
        assert not health.readiness().ok
        assert "SMITH" not in str(health.report())


async def test_what_is_not_needed_shows_but_does_not_make_unready() -> None:
    kafka = Looked()
    kafka.finding = Finding(False, "no broker answers")
    async with running(Check("database", Looked()), Check("kafka", kafka, needed=False)) as health:
        assert health.readiness().ok
        await looked_at(kafka)
        checks = health.report()["checks"]
        assert isinstance(checks, dict)
        assert checks["kafka"]["reason"] == "no broker answers"
        assert checks["database"]["rows"] == 3


async def test_findings_that_nobody_renews_are_not_believed() -> None:
    clock = Clock()
    health = Health([Check("database", Looked())], every=2.0, clock=clock)
    await health.look()
    assert health.readiness().ok
    clock.now += 60
    assert health.readiness().reasons == ("database: not checked for 60 s",)


async def test_a_failure_elsewhere_makes_it_look_at_once() -> None:
    database = Looked()
    async with running(Check("database", database), every=3600) as health:
        database.finding = Finding(False, "away")
        health.look_soon()
        await becomes(health, ok=False)


async def test_a_check_that_hangs_delays_no_other() -> None:
    kafka, outbox = Looked(), Looked()
    kafka.hangs = True
    async with running(Check("outbox", outbox), Check("kafka", kafka, needed=False, seconds=3600)) as health:
        await looked_at(kafka)
        outbox.finding = Finding(False, "its budget is used up")
        assert await becomes(health, ok=False) == ("outbox: its budget is used up",)


async def test_what_is_not_needed_does_not_delay_the_start() -> None:
    kafka = Looked()
    kafka.hangs = True
    async with asyncio.timeout(5), running(Check("kafka", kafka, needed=False, seconds=3600)) as health:
        assert health.readiness().ok
