"""The clock by which something is taken away does not believe in leaps at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.store.clock import BELIEVED_SECONDS, READ_AGAIN_SECONDS, SteadyClock, database_now
from gateway.store.database import Database
from tests.gateway.store.making import NOON

on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)

DAY = timedelta(seconds=BELIEVED_SECONDS)


class Machine:
    """`wall` says what it likes; `passed` is the time that goes by."""

    def __init__(self) -> None:
        self.off = timedelta()
        self.passed = timedelta()

    def wall(self) -> datetime:
        return NOON + self.passed + self.off

    def monotonic(self) -> float:
        return self.passed.total_seconds()


@on_sqlite
@pytest.mark.parametrize("leap", [timedelta(days=4000), timedelta(days=-4000)])
async def test_a_leap_is_believed_only_when_it_has_stood_for_a_day(database: Database, leap: timedelta) -> None:
    machine = Machine()
    clock = SteadyClock(machine.wall, machine.monotonic)
    machine.passed = timedelta(days=3)
    assert await database.read(clock) == NOON + machine.passed
    machine.off = leap
    for hours in (0, 1, 23):
        machine.passed = timedelta(days=3, hours=hours)
        assert await database.read(clock) == NOON + machine.passed
    machine.passed = timedelta(days=3) + DAY
    assert await database.read(clock) == NOON + machine.passed + leap


@on_sqlite
async def test_a_leap_that_was_taken_back_is_forgotten(database: Database) -> None:
    machine = Machine()
    clock = SteadyClock(machine.wall, machine.monotonic)
    machine.off = timedelta(days=4000)
    assert await database.read(clock) == NOON
    machine.off, machine.passed = timedelta(minutes=2), timedelta(hours=12)
    assert await database.read(clock) == machine.wall()
    machine.off, machine.passed = timedelta(days=4000), timedelta(hours=30)
    assert await database.read(clock) == NOON + timedelta(hours=30, minutes=2)


@on_postgresql
async def test_it_is_the_databases_and_goes_on_by_itself_between_two_readings(database: Database) -> None:
    machine = Machine()
    clock = SteadyClock(monotonic=machine.monotonic)
    begun = await database.read(database_now)
    first = await database.read(clock)
    assert begun <= first <= await database.read(database_now)
    machine.passed = timedelta(seconds=READ_AGAIN_SECONDS - 1)
    assert await database.read(clock) == first + machine.passed
    machine.passed = timedelta(seconds=READ_AGAIN_SECONDS)
    assert await database.read(clock) < first + machine.passed, "it was read again, and no time has passed there"
