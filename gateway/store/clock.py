"""The clock that all processes of a hub share: those of their machines may leap, or lie apart by hours."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy import Connection, func, select

from gateway.store.bulk import on_postgres

LEAP: Final = timedelta(hours=1)
BELIEVED_SECONDS: Final = 24 * 3600.0
READ_AGAIN_SECONDS: Final = 5.0

Clock: TypeAlias = Callable[[Connection], datetime]


def database_now(connection: Connection) -> datetime:
    """The database's clock (UTC), by which leases and lifetimes are timed. On SQLite there is one machine, and its."""
    if not on_postgres(connection):
        return datetime.now(UTC)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


class SteadyClock:
    """The database's clock, for what is remembered and for what takes something away. It is read again every few
    seconds, and gone on by this machine's monotonic clock between, so that a commit may ask it at no cost. On SQLite,
    where it is the machine's own, a leap of more than an hour is believed only when it has stood for a day: then
    somebody has put the clock right."""

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._believed = (wall(), monotonic())
        self._leapt: float | None = None
        self._read: tuple[datetime, float] | None = None

    def __call__(self, connection: Connection) -> datetime:
        return self._databases(connection) if on_postgres(connection) else self._steady()

    def _databases(self, connection: Connection) -> datetime:
        if self._read is None or self._monotonic() - self._read[1] >= READ_AGAIN_SECONDS:
            self._read = database_now(connection), self._monotonic()
        now, since = self._read
        return now + timedelta(seconds=self._monotonic() - since)

    def _steady(self) -> datetime:
        wall, at = self._wall(), self._monotonic()
        believed, since = self._believed
        expected = believed + timedelta(seconds=at - since)
        if abs(wall - expected) > LEAP:
            self._leapt = at if self._leapt is None else self._leapt
            if at - self._leapt < BELIEVED_SECONDS:
                return expected
        self._believed, self._leapt = (wall, at), None
        return wall
