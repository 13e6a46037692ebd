"""The one MetaData of the hub's tables, and the kinds of columns that they share."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, LargeBinary, MetaData, String, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
PackVersion = Text().with_variant(String(32), "sqlite")
"""Of a pack and its overlays: `1.0.0 + qvv 2`. SQLite holds nobody to the length that it was made with."""

Document = JSON().with_variant(postgresql.JSONB(), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. Kept as timestamptz on PostgreSQL and as UTC text on SQLite; always read back with a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time in the store needs a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def body() -> list[Column[object]]:
    return [
        Column("body", LargeBinary, nullable=False),
        Column("body_codec", String(8), nullable=False, server_default="none"),
        Column("body_key", String(32), nullable=False, server_default=""),
    ]
