"""Kinds of columns and indexes that several revisions make. Revisions are history: nothing here is ever changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

BIG_ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def body() -> list[sa.Column[Any]]:
    """What a message or event holds, the codec it is compressed by, and the id of the key it is encrypted under."""
    return [
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_codec", sa.String(length=8), server_default="none", nullable=False),
        sa.Column("body_key", sa.String(length=32), server_default="", nullable=False),
    ]


def index_some(name: str, table: str, columns: Sequence[str], where: str, *, unique: bool = False) -> None:
    """An index of those rows only."""
    some = sa.text(where)
    op.create_index(name, table, columns, unique=unique, postgresql_where=some, sqlite_where=some)
