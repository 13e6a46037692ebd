"""Migrations up, down and compared with the models, while gateways serve.

One migration runs at a time in a process: Alembic keeps its state in module globals. Several processes may start at
once: on PostgreSQL they queue on an advisory lock, on SQLite on its one writer.

On PostgreSQL each revision is a transaction of its own, and waits only briefly for a table that is busy: whoever comes
after it waits behind it. It gives way and tries again, so that a long transaction of somebody's holds up the migration
and nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.database import SESSION, Database, postgres_engine
from gateway.store.faults import LOCK_NOT_AVAILABLE, passes, unavailable
from migrations import Which, version_table

T = TypeVar("T")

WAIT_FOR_OTHERS: Final = 60
"""Seconds that another migration may take before this one gives up."""

WAIT_FOR_TABLES: Final = 0.5
"""Seconds that a revision waits for a table, and everybody who comes after it with it. Less than PostgreSQL takes to
find a deadlock (`deadlock_timeout`, 1 s), so that it is the revision that gives way."""

GIVING_WAY: Final = 1.0
ATTEMPTS: Final = 30
"""For how many seconds a revision that finds its tables busy gives way, and how often it comes."""

_ASKING: Final = 0.2

_ADVISORY_LOCK: Final = 0x63617265687562


async def upgrade(url: str, which: Which, revision: str = "head") -> None:
    """Brings the database at `url` to a revision, by default the newest; one that is newer than this version knows
    stays as it is. Raises Unavailable when it is away or busy."""
    await _in_turn(url, which, command.upgrade, revision)


async def downgrade(url: str, which: Which, revision: str) -> None:
    """Takes the database back to a revision; `base` is an empty one. Raises as `upgrade` does."""
    await _in_turn(url, which, command.downgrade, revision)


async def current(url: str, which: Which) -> str | None:
    """The revision that the database is at, None when it was never migrated."""
    return await _in_database(url, lambda connection: _context(connection, which).get_current_revision())


def head(which: Which) -> str | None:
    """The newest revision there is."""
    return ScriptDirectory.from_config(_config(which)).get_current_head()


async def check(url: str, which: Which) -> list[str]:
    """Where the database differs from the models, one line each; nothing when they agree."""
    return await _in_database(url, lambda connection: _drift(connection, which))


def metadata_of(which: Which) -> MetaData:
    """The tables that the models of this side describe."""
    if which == "hub":
        from gateway.store.models import metadata as hub

        return hub
    from consumers.models import metadata as consumers

    return consumers


def options(which: Which) -> dict[str, Any]:
    """How Alembic is set up for this side, wherever it runs."""
    described = metadata_of(which).tables

    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
        return kind != "table" or name in described

    return {
        "target_metadata": metadata_of(which),
        "version_table": version_table(which),
        "include_object": ours,
        "compare_type": True,
        "transaction_per_migration": True,
    }


async def _in_database(url: str, work: Callable[[Connection], T]) -> T:
    database = Database(url, connections=1)
    await database.open()
    try:
        return await database.run(work)
    finally:
        await database.close()


async def _in_turn(url: str, which: Which, change: Callable[[Config, str], None], revision: str) -> None:
    """Runs Alembic's `change`: on SQLite in one transaction, on PostgreSQL with one for each revision."""

    def run(connection: Connection) -> None:
        config = _config(which)
        config.attributes["connection"] = connection
        newer = (_context(connection, which).get_current_revision() or "") > (head(which) or "")
        if connection.dialect.name == "postgresql":
            connection.rollback()  # so that each revision begins a transaction of its own
        if not newer:
            change(config, revision)

    if url.startswith("sqlite:"):
        await _in_database(url, run)
        return
    engine = postgres_engine(url, 1, SESSION, patience=None)
    try:
        async with engine.connect() as connection:
            await _alone(connection)
            await _until_not_busy(connection, run)
    except Exception as error:
        if passes(error):
            raise unavailable() from error
        raise
    finally:
        await engine.dispose()  # and with it the session, its settings and its lock


async def _alone(connection: AsyncConnection) -> None:
    """Waits for the advisory lock of migrations, the session's from then on. It asks again and again: a statement
    that waits holds a snapshot, for whose end the other's CREATE INDEX CONCURRENTLY would wait."""
    deadline = asyncio.get_running_loop().time() + WAIT_FOR_OTHERS
    ask = text("SELECT pg_try_advisory_lock(:number)")
    while not (await connection.execute(ask, {"number": _ADVISORY_LOCK})).scalar_one():
        await connection.rollback()
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError("another migration has not come to its end")
        await asyncio.sleep(_ASKING)
    await connection.execute(text("SET statement_timeout = 0"))
    await connection.execute(text(f"SET lock_timeout = '{WAIT_FOR_TABLES}s'"))
    await connection.commit()


async def _until_not_busy(connection: AsyncConnection, run: Callable[[Connection], None]) -> None:
    """Revisions that were done by then stay done."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await connection.run_sync(run)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE or attempt == ATTEMPTS:
                raise
            await connection.rollback()
            await asyncio.sleep(GIVING_WAY)
        else:
            return


def _config(which: Which) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / which))
    config.set_main_option("path_separator", "os")
    return config


def _context(connection: Connection, which: Which) -> MigrationContext:
    return MigrationContext.configure(connection, opts=options(which))


def _drift(connection: Connection, which: Which) -> list[str]:
    return [str(difference) for difference in compare_metadata(_context(connection, which), metadata_of(which))]
