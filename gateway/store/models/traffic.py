"""What goes through: messages and files in, events out, and what waits or is remembered between the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from gateway.store.models.columns import BigId, Document, PackVersion, UtcDateTime, body, metadata

message = Table(
    "message",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("key_hash", LargeBinary(32), nullable=False, comment="HMAC of the business message id"),
    Column("content_hash", LargeBinary(32), nullable=False),
    Column("content_type", Text, nullable=False),
    Column("pack", String(64), nullable=False),
    Column("pack_version", PackVersion, nullable=False),
    Column("status", String(16), nullable=False, comment="accepted or waiting"),
    Column("received", UtcDateTime, nullable=False),
    Column("batch", String(36)),
    Column("row", Integer),
    Column("traceparent", String(64)),
    *body(),
    Index(None, "source", "received"),
    Index(
        "uq_message_batch_row",
        "batch",
        "row",
        unique=True,
        postgresql_where=sql("batch IS NOT NULL"),
        sqlite_where=sql("batch IS NOT NULL"),
    ),
)

message_key = Table(
    "message_key",
    metadata,
    Column("key_hash", LargeBinary(32), primary_key=True, comment="HMAC of source and business message id"),
    Column("source", String(64), nullable=False),
    Column("comparable", LargeBinary(32), nullable=False),
    Column("message", String(36), nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", String(36), primary_key=True, comment="ce_id"),
    Column("message", String(36), index=True, comment="empty for events that the hub itself makes (links, merges)"),
    Column("number", SmallInteger, nullable=False, comment="position among the events of its message"),
    Column("source", String(64), nullable=False),
    Column("type", String(64), nullable=False),
    Column("person_key", String(64), nullable=False),
    Column("happened", UtcDateTime, nullable=False),
    Column("received", UtcDateTime, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("traceparent", String(64)),
    Column("corrects", String(36), comment="of a correction: the event that it takes the place of"),
    Column("arrived", BigInteger, comment="of a correction: the place of that event in the order of arrival"),
    Column("pack_version", PackVersion, comment="of a correction: what it was mapped by; else the message says"),
    *body(),
    Index(None, "person_key", "sequence"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True, comment="the relay's order, drawn at release"),
    Column("event", String(36), nullable=False, index=True),
    Column("topic", String(249), nullable=False),
    Column("place", String(64), nullable=False),
    Column("sector", String(16), nullable=False),
    Column("organisation", String(16), nullable=False),
    Column("person_key", String(64), nullable=False, comment="Kafka key; the event's"),
    Column("shard", SmallInteger, nullable=False),
    Column("size", Integer, nullable=False, comment="bytes of the event's body as published"),
    Column("after_outbox_id", BigInteger, comment="not before this row is published"),
    Column("late", Boolean, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("published", UtcDateTime),
    Column("partition", Integer),
    Column("offset", BigInteger),
    Index(
        "ix_outbox_unpublished",
        "shard",
        "id",
        postgresql_where=sql("published IS NULL"),
        sqlite_where=sql("published IS NULL"),
    ),
    sqlite_autoincrement=True,  # ids are the relay's order: never one a second time
)

event_sequence = Sequence("event_sequence", metadata=metadata)
"""PostgreSQL only; SQLite counts in the table `counter`."""

counter = Table(
    "counter",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

waiting = Table(
    "waiting",
    metadata,
    Column("message", ForeignKey("message.id"), primary_key=True),
    Column("parent", String(36), primary_key=True, index=True, comment="resource id of the parent that is unknown"),
    Column("domain", String(64), nullable=False, comment="identifier domain of the source"),
    Column("path", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("number", BigInteger, nullable=False, comment="order of arrival, drawn from event_sequence"),
    Column("ended", UtcDateTime, key="taken_up", comment="when a gateway took it up to end it"),
    Index(None, "since"),
)

resource_state = Table(
    "resource_state",
    metadata,
    Column("domain", String(64), primary_key=True, comment="identifier domain of the source"),
    Column("resource_id", String(36), primary_key=True),
    Column("resource_type", String(32), nullable=False),
    Column("person_key", String(64), nullable=False),
    Column("content_hash", LargeBinary(32), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    *body(),
)

batch = Table(
    "batch",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("key_hash", LargeBinary(32), nullable=False),
    Column("content_type", Text, nullable=False),
    Column("status", String(16), nullable=False, comment="processing or done"),
    Column("received", UtcDateTime, nullable=False),
    Column("finished", UtcDateTime),
    Column("rows", Integer, comment="known when the body was read to its end"),
    Column("owner", String(64)),
    Column("lease_until", UtcDateTime),
    Column("error", String(64), nullable=False, server_default="", comment="code of what keeps it from going on"),
    Column("stopped", UtcDateTime, comment="since when"),
    *body(),
    UniqueConstraint("source", "key_hash"),
    Index(
        "ix_batch_processing",
        "source",
        "id",
        postgresql_where=sql("status = 'processing'"),
        sqlite_where=sql("status = 'processing'"),
    ),
)

batch_row = Table(
    "batch_row",
    metadata,
    Column("batch", ForeignKey("batch.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", String(16), nullable=False, comment="accepted, replayed, waiting or refused"),
    Column("message", String(36)),
    Column("issues", Document),
)
