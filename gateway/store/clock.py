"""The clock that all processes of a hub share: those of their machines may leap, or lie apart by hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

from sqlalchemy import Connection, func, select

from gateway.store.bulk import on_postgres

Clock: TypeAlias = Callable[[Connection], datetime]


def database_now(connection: Connection) -> datetime:
    """The database's clock (UTC), by which leases and lifetimes are timed. On SQLite there is one machine, and its."""
    if not on_postgres(connection):
        return datetime.now(UTC)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)
