"""What a revision may do to tables that are in use: everything here can be done again after it was cut off, and on
PostgreSQL holds nobody up.

A revision is applied while processes of the version before serve. So it only adds (docs/operate.md, "Upgrading"):
tables, columns that may be null or have a default, indexes. What drops, renames or tightens comes a release later, in a
revision that says `contract = True`.

On PostgreSQL each step is a transaction of its own: a revision that holds one table while it waits for another meets
the transactions of messages, which hold the other and wait for the one, again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.run import WAIT_FOR_OTHERS, WAIT_FOR_TABLES


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Adds it, unless an attempt that was cut off has done so."""
    if column.name not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns(table)}:
        with _step():
            op.add_column(table, column)


def widen_text(table: str, column: str) -> None:
    """Lets a text be of any length. SQLite holds nobody to a length."""
    if on_postgres():
        with _step():
            op.alter_column(table, column, type_=sa.Text(), existing_nullable=False)


def add_index(name: str, table: str, columns: Sequence[str], **options: Any) -> None:
    """An index on a table that has rows: on PostgreSQL beside those who write it."""
    if not on_postgres():
        op.create_index(name, table, columns, **options)
        return
    with _step():
        op.execute(f"SET lock_timeout = '{WAIT_FOR_OTHERS}s'")  # nobody waits behind it while it waits for others
        op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)  # half made, of no use
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)
        op.execute(f"SET lock_timeout = '{WAIT_FOR_TABLES}s'")


def on_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _step() -> AbstractContextManager[None]:
    """What came before it in the revision is committed by then; on SQLite a revision is one transaction."""
    return op.get_context().autocommit_block() if on_postgres() else nullcontext()
