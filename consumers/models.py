"""The consumers' tables, the same on SQLite and PostgreSQL. Alembic's migrations/consumers is made from them.

`inbox` is the runtime's; the others belong to the app whose name they start with. Times are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. Kept as timestamptz on PostgreSQL and as UTC text on SQLite; always read back with a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError("a time in a table needs a zone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


inbox = Table(
    "inbox",
    metadata,
    Column("app", String(64), primary_key=True),
    Column("topic", String(249), primary_key=True),
    Column("ce_id", String(64), primary_key=True),
    Column("replay", String(64), primary_key=True, comment="empty: not of a replay"),
    Column("applied", UtcDateTime, nullable=False),
    Index(None, "applied"),
)

timeline = Table(
    "timeline",
    metadata,
    Column("ce_id", String(64), primary_key=True),
    Column("subject", String(64), primary_key=True, comment="person key as sent"),
    Column("person_key", String(64), nullable=False, comment="as links and merges say now"),
    Column("type", String(64), nullable=False),
    Column("sector", String(16), nullable=False),
    Column("place", String(64), nullable=False),
    Column("organisation", String(16), nullable=False),
    Column("source", String(128), nullable=False),
    Column("happened", UtcDateTime, nullable=False),
    Column("received", UtcDateTime, nullable=False),
    Column("applied", UtcDateTime, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("resource_type", String(64), nullable=False, comment="of the resource in focus; empty when there is none"),
    Column("resource_id", String(64), nullable=False),
    Column("status", String(32), nullable=False, comment="of that resource; empty when it states none"),
    Column("summary", String(160), nullable=False, comment="codes only"),
    Column("topic", String(249), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Index(None, "person_key", "happened", "sequence"),
    Index(None, "resource_id", "sequence"),
    Index(None, "subject"),
)

timeline_alias = Table(
    "timeline_alias",
    metadata,
    Column("old_key", String(64), primary_key=True),
    Column("new_key", String(64), nullable=False, index=True),
    Column("sequence", BigInteger, nullable=False, comment="of the event that said so; a newer one wins"),
)
