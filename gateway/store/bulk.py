"""Many rows in one statement, in the order given, by the driver's own SQL: this is the hot path.

PostgreSQL   INSERT … SELECT … FROM unnest(…) WITH ORDINALITY ORDER BY; several tables in one statement
SQLite       executemany
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import ARRAY, JSON, Column, ColumnElement, Connection, CursorResult, Table, literal
from sqlalchemy import any_ as any_element
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from gateway.store.models import UtcDateTime

Rows: TypeAlias = Sequence[Mapping[str, Any]]

ARRIVAL: Final = "ordinality"
"""Insert in the order given."""


def on_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Inserts the rows in their order. All rows name the same columns."""
    insert_all(connection, (table, rows))


def insert_all(connection: Connection, *given: tuple[Table, Rows]) -> None:
    """Inserts rows of several tables: one round trip to PostgreSQL for all of them."""
    wanted = [(table, rows, tuple(rows[0])) for table, rows in given if rows]
    if not wanted:
        return
    if on_postgres(connection):
        arrays = tuple(array for table, rows, names in wanted for array in _arrays(table, names, rows))
        connection.exec_driver_sql(_insert_all_sql(tuple((table, names) for table, _, names in wanted)), arrays)
        return
    for table, rows, names in wanted:
        connection.exec_driver_sql(_sqlite_insert(table, names, ""), _tuples(table, names, rows))


def upsert_rows(connection: Connection, table: Table, rows: Rows, tail: str, order: str = ARRIVAL) -> None:
    """Inserts the rows; `tail` (ON CONFLICT …) says what happens to one that is there already.

    Each row is another one; `order` is the key's column where transactions could wait for each other.
    """
    names = tuple(rows[0])
    if on_postgres(connection):
        connection.exec_driver_sql(unnest_sql(table, names, order) + tail, _arrays(table, names, rows))
    else:
        connection.exec_driver_sql(_sqlite_insert(table, names, tail), _tuples(table, names, rows))


def upsert_returning(
    connection: Connection, table: Table, rows: Rows, tail: str, *, order: str, more: tuple[Any, ...] = ()
) -> CursorResult[Any]:
    """The same on PostgreSQL alone, with RETURNING in `tail`; `more` are its parameters, `{1}` and so on in it."""
    names = tuple(rows[0])
    numbered = tail.format(None, *(f"${len(names) + n}" for n in range(1, len(more) + 1)))
    arrays = (*_arrays(table, names, rows), *more)
    return connection.exec_driver_sql(unnest_sql(table, names, order) + numbered, arrays)


@cache
def unnest_sql(table: Table, names: tuple[str, ...], order: str = ARRIVAL, first: int = 1) -> str:
    """An INSERT that takes one array for each named column, as the parameters from `first` on."""
    quoted = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"${n}::{_type_of(table.c[name])}[]" for n, name in enumerate(names, first))
    return (
        f'INSERT INTO "{table.name}" ({quoted}) SELECT {quoted} '  # noqa: S608 names come from the models
        f'FROM unnest({arrays}) WITH ORDINALITY AS given({quoted}, ordinality) ORDER BY "{order}" '
    )


def any_of(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """`column` is one of the values: one array on PostgreSQL, so that the statement stays the same for any number."""
    if on_postgres(connection):
        return column == any_element(literal(list(values), ARRAY(column.type)))
    return column.in_(values)


@cache
def _insert_all_sql(wanted: tuple[tuple[Table, tuple[str, ...]], ...]) -> str:
    parts: list[str] = []
    first = 1
    for table, names in wanted:
        parts.append(unnest_sql(table, names, ARRIVAL, first))
        first += len(names)
    *before, last = parts
    named = ", ".join(f"part_{n} AS ({part})" for n, part in enumerate(before))
    return f"WITH {named} {last}" if named else last


@cache
def _sqlite_insert(table: Table, names: tuple[str, ...], tail: str) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))
    return f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks}) {tail}'  # noqa: S608 names come from the models


def _arrays(table: Table, names: Sequence[str], rows: Rows) -> tuple[list[Any], ...]:
    return tuple(
        [row[name] for row in rows]
        if (convert := _for_postgres(table.c[name].type)) is None
        else [None if row[name] is None else convert(row[name]) for row in rows]
        for name in names
    )


def _tuples(table: Table, names: Sequence[str], rows: Rows) -> list[tuple[Any, ...]]:
    converted = [(name, _for_sqlite(table.c[name].type)) for name in names]
    return [
        tuple(row[name] if convert is None or row[name] is None else convert(row[name]) for name, convert in converted)
        for row in rows
    ]


def _for_postgres(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    return json.dumps if isinstance(kind, JSON) else None


def _for_sqlite(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    if isinstance(kind, UtcDateTime):
        return sqlite_time
    return json.dumps if isinstance(kind, JSON) else None


def sqlite_time(moment: datetime) -> str:
    """A moment as UtcDateTime stands in SQLite."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


@cache
def _type_of(column: Column[Any]) -> str:
    return str(column.type.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
