"""Many rows in one statement: the same call on both databases, in the order given."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, JSON, Column, ColumnElement, Connection, Table, TextClause, literal, select, text
from sqlalchemy import any_ as any_element
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Row

Rows = Sequence[Mapping[str, Any]]


def on_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Inserts the rows in their order. All rows name the same columns."""
    if not rows:
        return
    if on_postgres(connection):
        names = tuple(rows[0])
        connection.execute(unnest_insert(table, names), as_arrays(table, names, rows))
    else:
        connection.execute(table.insert(), rows)


def as_arrays(table: Table, names: Sequence[str], rows: Rows) -> dict[str, list[Any]]:
    """The values of each column, as `unnest_insert` takes them."""
    arrays: dict[str, list[Any]] = {}
    for name in names:
        values = [row[name] for row in rows]
        if isinstance(table.c[name].type, JSON):
            values = [None if value is None else json.dumps(value) for value in values]
        arrays[name] = values
    return arrays


@cache
def unnest_insert(table: Table, names: tuple[str, ...], tail: str = "", order: str = "ordinality") -> TextClause:
    """`INSERT … SELECT FROM unnest(…) WITH ORDINALITY ORDER BY …`, one array of values for each named column.

    `tail` follows it (ON CONFLICT, RETURNING).
    """
    quoted = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"CAST(:{name} AS {_type_of(table.c[name])}[])" for name in names)
    return text(
        f'INSERT INTO "{table.name}" ({quoted}) SELECT {quoted} '  # noqa: S608 names come from the models
        f"FROM unnest({arrays}) WITH ORDINALITY AS given({quoted}, ordinality) ORDER BY {order} {tail}"
    )


def any_of(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """`column` is one of the values: one array on PostgreSQL, so that the statement stays the same for any number."""
    if on_postgres(connection):
        return column == any_element(literal(list(values), ARRAY(column.type)))
    return column.in_(values)


def lock_rows(connection: Connection, table: Table, key: Column[Any], values: Collection[Any]) -> Sequence[Row[Any]]:
    """The rows with these keys, locked until the commit, in key order, so that two transactions cannot deadlock.

    SQLite has one writer and needs no locks.
    """
    if not values:
        return ()
    return connection.execute(
        select(table).where(any_of(connection, key, values)).order_by(key).with_for_update()
    ).fetchall()


def _type_of(column: Column[Any]) -> str:
    return str(column.type.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
