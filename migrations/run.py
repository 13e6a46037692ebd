"""Migrations up, down and compared with the models.

One migration runs at a time in a process: Alembic keeps its state in module globals. Several processes may start at
once: on PostgreSQL they queue on an advisory lock, on SQLite on its one writer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text

from gateway.store.database import Database
from migrations import Which, version_table

T = TypeVar("T")

WAIT_FOR_OTHERS: Final = "60s"
"""How long another migration may take before this one gives up."""

WAIT_FOR_TABLES: Final = "2s"
"""How long a table may be busy: a migration that waits for a lock stops everybody who comes after it."""

_ADVISORY_LOCK: Final = 0x63617265687562


async def upgrade(url: str, which: Which, revision: str = "head") -> None:
    """Brings the database at `url` to a revision, by default the newest. Raises Unavailable when it is away or busy."""
    await _in_database(url, lambda connection: _upgrade(connection, which, revision))


async def downgrade(url: str, which: Which, revision: str) -> None:
    """Takes the database back to a revision; `base` is an empty one."""
    await _in_database(url, lambda connection: _downgrade(connection, which, revision))


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
    }


async def _in_database(url: str, work: Callable[[Connection], T]) -> T:
    database = Database(url, connections=1)
    await database.open()
    try:
        return await database.run(work)
    finally:
        await database.close()


def _config(which: Which) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / which))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection, which: Which, revision: str) -> None:
    _wait_for_others(connection)
    config = _config(which)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _downgrade(connection: Connection, which: Which, revision: str) -> None:
    _wait_for_others(connection)
    config = _config(which)
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def _wait_for_others(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_FOR_OTHERS}'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_FOR_TABLES}'"))


def _context(connection: Connection, which: Which) -> MigrationContext:
    return MigrationContext.configure(connection, opts=options(which))


def _drift(connection: Connection, which: Which) -> list[str]:
    return [str(difference) for difference in compare_metadata(_context(connection, which), metadata_of(which))]
