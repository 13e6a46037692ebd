"""What operators and processes work with: dead letters, replays, leases, signs of life and the audit trail."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from gateway.store.models.columns import BigId, Document, PackVersion, UtcDateTime, body, metadata

SHARDS: Final = 64
GROUPS: Final = 8

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("key_hash", LargeBinary(32), nullable=False),
    Column("content_hash", LargeBinary(32), nullable=False),
    Column("content_type", Text, nullable=False),
    Column("pack", String(64), nullable=False),
    Column("pack_version", PackVersion, nullable=False),
    Column("code", String(32), nullable=False),
    Column("issues", Document, nullable=False),
    Column("count", Integer, nullable=False),
    Column("status", String(16), nullable=False, comment="open, closed or discarded"),
    Column("batch", String(36)),
    Column("row", Integer),
    Column("first_received", UtcDateTime, nullable=False),
    Column("last_received", UtcDateTime, nullable=False),
    Column("closed", UtcDateTime),
    Column(
        "fingerprint",
        String(16),
        nullable=False,
        server_default="",
        comment="what it is grouped by; empty until a gateway has named it",
    ),
    Column("number", BigInteger, comment="order of arrival, drawn from event_sequence"),
    Column("named_by", String(8), nullable=False, server_default="", comment="request, message, key or content"),
    Column("comparable", LargeBinary(32), comment="of a message named by a request"),
    Column("message", String(36), comment="the message that it became by a retry"),
    *body(),
    UniqueConstraint("source", "key_hash", "content_hash"),
    Index(  # holds what groups are told by and worked in: letters are fat rows, and there may be many
        "ix_dead_letter_worked", "status", "fingerprint", "first_received", "id", "last_received", "count"
    ),
    Index(None, "message"),
    Index(None, "status", "last_received"),
    Index(
        "ix_dead_letter_open",
        "key_hash",
        postgresql_where=sql("status = 'open'"),
        sqlite_where=sql("status = 'open'"),
    ),
)

replay = Table(
    "replay",
    metadata,
    Column("id", String(36), primary_key=True, comment="ce_replay"),
    Column("name", String(64), nullable=False),
    Column("wanted", Document, nullable=False, comment="which events: window, source, type, person key, topic"),
    Column("restricted", Boolean, nullable=False, comment="the restricted events, or all others"),
    Column("rate", Integer, nullable=False, comment="events per second at most"),
    Column("reason", Text, nullable=False),
    Column("status", String(16), nullable=False, comment="running, stopped, done, dropping or dropped"),
    Column("first", BigInteger, nullable=False, comment="the outbox id that it began at"),
    Column("position", BigInteger, nullable=False, comment="the last outbox id that was gone through"),
    Column("last", BigInteger, nullable=False, comment="the highest outbox id at the start"),
    Column("published", BigInteger, nullable=False),
    Column("withheld", BigInteger, nullable=False, comment="events that their person's flags keep out of it today"),
    Column("started", UtcDateTime, nullable=False),
    Column("finished", UtcDateTime),
    Column("error", String(64), nullable=False, server_default="", comment="class of what stops it just now"),
    Column("owner", String(64)),
    Column("lease_until", UtcDateTime),
    Index(
        "uq_replay_name",
        "name",
        unique=True,
        postgresql_where=sql("status <> 'dropped'"),
        sqlite_where=sql("status <> 'dropped'"),
    ),
)

relay_lease = Table(
    "relay_lease",
    metadata,
    Column("group", SmallInteger, primary_key=True, comment="0 to 7: shard mod 8"),
    Column("owner", String(64)),
    Column("until", UtcDateTime),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("error", String(64), nullable=False, server_default="", comment="class of what stops its owner just now"),
    Column("stopped", UtcDateTime, comment="since when"),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("process", String(64), primary_key=True, comment="host, role and a random part"),
    Column("role", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("trouble", Text, nullable=False, server_default="", comment="what it cannot do meanwhile, a line each"),
    Column(
        "reloads",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="the last request to read packs again that it has followed",
    ),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(128), nullable=False, index=True),
    Column("detail", Document, nullable=False),
)
