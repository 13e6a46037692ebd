"""How far something has come, by name, for the whole hub."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, case, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.bulk import on_postgres
from gateway.store.models import counter


def counted(connection: Connection, name: str) -> int:
    return connection.execute(select(counter.c.value).where(counter.c.name == name)).scalar() or 0


def raise_counter(connection: Connection, name: str, value: int) -> None:
    """To that value, never down."""
    insert: Any = (postgresql if on_postgres(connection) else sqlite).insert(counter)
    given = insert.excluded.value
    connection.execute(
        insert.values(name=name, value=value).on_conflict_do_update(
            index_elements=["name"], set_={"value": case((counter.c.value < given, given), else_=counter.c.value)}
        )
    )
