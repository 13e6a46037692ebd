"""Rows for tables as they stand in a database, whatever revision it is at: a value for each column, by its type."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    SmallInteger,
    String,
    Table,
    select,
    text,
)

from gateway.store.database import Database

MIDNIGHT: Final = datetime(2026, 3, 1, tzinfo=UTC)
_numbers = itertools.count(1)
_small_numbers = itertools.count(1)


def reflected(connection: Connection) -> list[Table]:
    """The hub's tables as they stand, parents first."""
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if not table.name.startswith("alembic_")]


def insert_everywhere(connection: Connection, tables: Sequence[Table]) -> None:
    """One row into each table, with every column of it; children hang on the row of their parent."""
    parents: dict[tuple[str, str], Any] = {}
    for table in tables:
        row = {
            column.name: next((parents.get(_key(each.column)) for each in column.foreign_keys), None) or _value(column)
            for column in table.columns
        }
        for column in table.columns:
            if any(each.column.table is table for each in column.foreign_keys):
                row[column.name] = None  # a place without a parent
        connection.execute(table.insert().values(row))
        parents.update({_key(column): row[column.name] for column in table.columns})


def rows_of(connection: Connection, tables: Sequence[Table]) -> dict[str, list[Row[Any]]]:
    """Every row, in the columns that `tables` know."""
    return {
        table.name: sorted(connection.execute(select(*table.columns)).all(), key=repr)  # by their names, not `*`
        for table in tables
    }


def _key(column: Column[Any]) -> tuple[str, str]:
    return column.table.name, column.name


def _value(column: Column[Any]) -> Any:
    number = next(_numbers)
    match column.type:
        case Boolean():
            return False
        case JSON():
            return {"number": number}
        case DateTime(timezone=zoned):
            moment = MIDNIGHT + timedelta(seconds=number)
            return moment if zoned else moment.replace(tzinfo=None)
        case SmallInteger():
            return next(_small_numbers)
        case Integer():
            return number
        case LargeBinary():
            return number.to_bytes(32)
        case String(length=length):
            return f"{number:08x}"[-(length or 32) :]
    raise AssertionError(f"a type that nobody foresaw: {column.table.name}.{column.name}")


async def set_revision(url: str, revision: str) -> None:
    """Makes the hub's database say that it is at another revision than its tables are."""
    database = Database(url)
    await database.open()
    try:
        await database.run(
            lambda c: c.execute(text("UPDATE alembic_version_hub SET version_num = :to"), {"to": revision})
        )
    finally:
        await database.close()
