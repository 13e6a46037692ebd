"""Schema migrations: two Alembic folders, `hub` and `consumers`, since a region's tables need not live in the hub's
database. Each has a version table of its own. What serves only looks at the revision; what migrates is in run.py, which
alone loads Alembic.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection, inspect, text

Which: TypeAlias = Literal["hub", "consumers"]

NEWEST: Final[Mapping[Which, str]] = MappingProxyType({"hub": "0008", "consumers": "0001"})
"""The revision that this version's code is written for. Revisions are numbered, so that an older one is smaller."""


def version_table(which: Which) -> str:
    return f"alembic_version_{which}"


def revision_of(connection: Connection, which: Which) -> str | None:
    """What the database is at, None when it was never migrated. One that is newer than NEWEST is fit for use: this
    process serves on while others are replaced."""
    table = version_table(which)
    if not inspect(connection).has_table(table):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {table}")).scalar()  # noqa: S608  (a constant name)
    return str(found) if found is not None else None
