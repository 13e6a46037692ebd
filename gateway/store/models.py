"""The hub's tables, the same on SQLite and PostgreSQL. Alembic's migrations/hub is made from them.

Identifiers stand here only as HMACs. Clear values stand only in bodies: columns named `body`, each with the codec it is
compressed by and the id of the key it is encrypted under (empty: not encrypted). Times are UTC.

    place ── pack_pin
    source ── credential            message ── event ── outbox ── (topic, partition, offset)
                                      │  └─ message_key (what is a repeat)
    person (→ person) ── person_flag    dead_letter    waiting ── resource_state    batch ── batch_row

A person key points at the key that took its place: a local identity at that of its NHS number once they were linked, a
merged person at the one that remains. Rows that are written on every message refer to each other without foreign keys,
which would cost more than the insert itself; `keep` is the one place that writes them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

SHARDS: Final = 64
GROUPS: Final = 8

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


def _body() -> list[Column[object]]:
    return [
        Column("body", LargeBinary, nullable=False),
        Column("body_codec", String(8), nullable=False, server_default="none"),
        Column("body_key", String(32), nullable=False, server_default=""),
    ]


installation = Table(
    "installation",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    comment="what was settled at the first start: hub-id, and the fingerprint of each secret",
)

place = Table(
    "place",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("parent", ForeignKey("place.code")),
)

pack_pin = Table(
    "pack_pin",
    metadata,
    Column("place", ForeignKey("place.code"), primary_key=True),
    Column("pack", String(64), primary_key=True),
    Column("version", String(64), nullable=False),
    comment="the version of a pack that a place holds to; what lies in it does too, unless it says otherwise",
)

source = Table(
    "source",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation", String(16), nullable=False),
    Column("sector", String(16), nullable=False),
    Column("place", ForeignKey("place.code"), nullable=False),
    Column("packs", Document, nullable=False),
    Column("identifier_domain", String(64), nullable=False),
    Column("ack", String(16), nullable=False),
    Column("traced", Boolean, nullable=False),
    Column("authority", Boolean, nullable=False),
    Column("mllp_port", Integer, unique=True),
    Column("paused", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime),
)

credential = Table(
    "credential",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True, comment="SHA-256 of a random key, or of a certificate"),
    Column("kind", String(16), nullable=False, comment="source, operator or monitor"),
    Column("holder", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("revoked", UtcDateTime),
    Index(None, "kind", "holder"),
)

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
    *_body(),
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
    *_body(),
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

person = Table(
    "person",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("national", Boolean, nullable=False, comment="made from an NHS number"),
    Column("merged_into", String(64), index=True, comment="the key that took its place"),
    Column("flagged", Boolean, nullable=False, comment="has rows in person_flag"),
    Column("created", UtcDateTime, nullable=False),
)

person_topic = Table(
    "person_topic",
    metadata,
    Column("person_key", String(64), primary_key=True),
    Column("topic", String(249), primary_key=True),
    comment="where events of a key went that are no longer kept: links must still be told there",
)

person_flag = Table(
    "person_flag",
    metadata,
    Column("person_key", String(64), primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
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
    *_body(),
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
    *_body(),
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
    *_body(),
    UniqueConstraint("source", "key_hash"),
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

relay_lease = Table(
    "relay_lease",
    metadata,
    Column("group", SmallInteger, primary_key=True, comment="0 to 7: shard mod 8"),
    Column("owner", String(64)),
    Column("until", UtcDateTime),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
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

organisation_place = Table(
    "organisation_place",
    metadata,
    Column("organisation", String(16), primary_key=True, comment="ODS code"),
    Column("place", ForeignKey("place.code"), nullable=False),
)

sharing_rule = Table(
    "sharing_rule",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("from_place", String(64), nullable=False),
    Column("to_place", String(64), nullable=False),
    Column("sector", String(16), nullable=False),
    Column("event_types", Document, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("until", UtcDateTime),
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
