"""The hub's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.shapes import BIG_ID, DOCUMENT, body, index_some

revision = "0001"
down_revision = None

_TABLES = [
    "audit", "batch", "counter", "credential", "dead_letter", "event", "heartbeat", "installation", "message",
    "message_key", "outbox", "person", "person_flag", "place", "relay_lease", "resource_state", "sharing_rule",
    "batch_row", "organisation_place", "source", "waiting",
]  # fmt: skip


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(sa.Sequence("event_sequence")))
    op.create_table(
        "audit",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("detail", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False, comment="processing or done"),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True, comment="known when the body was read to its end"),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        *body(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("source", "key_hash", name=op.f("uq_batch_source_key_hash")),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.create_table(
        "credential",
        sa.Column(
            "hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of a random key, or of a certificate"
        ),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="source, operator or monitor"),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_credential")),
    )
    op.create_index(op.f("ix_credential_kind_holder"), "credential", ["kind", "holder"], unique=False)
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("pack", sa.String(length=64), nullable=False),
        sa.Column("pack_version", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("issues", DOCUMENT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False, comment="open, closed or discarded"),
        sa.Column("batch", sa.String(length=36), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("first_received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed", sa.DateTime(timezone=True), nullable=True),
        *body(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint(
            "source", "key_hash", "content_hash", name=op.f("uq_dead_letter_source_key_hash_content_hash")
        ),
    )
    index_some("ix_dead_letter_open", "dead_letter", ["key_hash"], "status = 'open'")
    op.create_index(
        op.f("ix_dead_letter_status_last_received"), "dead_letter", ["status", "last_received"], unique=False
    )
    op.create_table(
        "event",
        sa.Column("id", sa.String(length=36), nullable=False, comment="ce_id"),
        sa.Column(
            "message",
            sa.String(length=36),
            nullable=True,
            comment="empty for events that the hub itself makes (links, merges)",
        ),
        sa.Column("number", sa.SmallInteger(), nullable=False, comment="position among the events of its message"),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("person_key", sa.String(length=64), nullable=False),
        sa.Column("happened", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("traceparent", sa.String(length=64), nullable=True),
        *body(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_message"), "event", ["message"], unique=False)
    op.create_index(op.f("ix_event_person_key_sequence"), "event", ["person_key", "sequence"], unique=False)
    op.create_table(
        "heartbeat",
        sa.Column("process", sa.String(length=64), nullable=False, comment="host, role and a random part"),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "installation",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
        comment="what was settled at the first start: hub-id, and the fingerprint of each secret",
    )
    op.create_table(
        "message",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False, comment="HMAC of the business message id"),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("pack", sa.String(length=64), nullable=False),
        sa.Column("pack_version", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False, comment="accepted or waiting"),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batch", sa.String(length=36), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("traceparent", sa.String(length=64), nullable=True),
        *body(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(op.f("ix_message_source_received"), "message", ["source", "received"], unique=False)
    index_some("uq_message_batch_row", "message", ["batch", "row"], "batch IS NOT NULL", unique=True)
    op.create_table(
        "message_key",
        sa.Column(
            "key_hash", sa.LargeBinary(length=32), nullable=False, comment="HMAC of source and business message id"
        ),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("comparable", sa.LargeBinary(length=32), nullable=False),
        sa.Column("message", sa.String(length=36), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_message_key")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False, comment="the relay's order, drawn at release"),
        sa.Column("event", sa.String(length=36), nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("sector", sa.String(length=16), nullable=False),
        sa.Column("organisation", sa.String(length=16), nullable=False),
        sa.Column("person_key", sa.String(length=64), nullable=False, comment="Kafka key; the event's"),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False, comment="bytes of the event's body as published"),
        sa.Column("after_outbox_id", sa.BigInteger(), nullable=True, comment="not before this row is published"),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published", sa.DateTime(timezone=True), nullable=True),
        sa.Column("partition", sa.Integer(), nullable=True),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_event"), "outbox", ["event"], unique=False)
    index_some("ix_outbox_unpublished", "outbox", ["shard", "id"], "published IS NULL")
    op.create_table(
        "person",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("national", sa.Boolean(), nullable=False, comment="made from an NHS number"),
        sa.Column("merged_into", sa.String(length=64), nullable=True, comment="the key that took its place"),
        sa.Column("flagged", sa.Boolean(), nullable=False, comment="has rows in person_flag"),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_person")),
    )
    op.create_index(op.f("ix_person_merged_into"), "person", ["merged_into"], unique=False)
    op.create_table(
        "person_flag",
        sa.Column("person_key", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_key", "rule", "source", name=op.f("pk_person_flag")),
    )
    op.create_table(
        "place",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["parent"], ["place.code"], name=op.f("fk_place_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_place")),
    )
    op.create_table(
        "relay_lease",
        sa.Column("group", sa.SmallInteger(), nullable=False, comment="0 to 7: shard mod 8"),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("group", name=op.f("pk_relay_lease")),
    )
    op.create_table(
        "resource_state",
        sa.Column("domain", sa.String(length=64), nullable=False, comment="identifier domain of the source"),
        sa.Column("resource_id", sa.String(length=36), nullable=False),
        sa.Column("resource_type", sa.String(length=32), nullable=False),
        sa.Column("person_key", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        *body(),
        sa.PrimaryKeyConstraint("domain", "resource_id", name=op.f("pk_resource_state")),
    )
    op.create_table(
        "sharing_rule",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("from_place", sa.String(length=64), nullable=False),
        sa.Column("to_place", sa.String(length=64), nullable=False),
        sa.Column("sector", sa.String(length=16), nullable=False),
        sa.Column("event_types", DOCUMENT, nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sharing_rule")),
    )
    op.create_table(
        "batch_row",
        sa.Column("batch", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False, comment="accepted, replayed, waiting or refused"),
        sa.Column("message", sa.String(length=36), nullable=True),
        sa.Column("issues", DOCUMENT, nullable=True),
        sa.ForeignKeyConstraint(["batch"], ["batch.id"], name=op.f("fk_batch_row_batch")),
        sa.PrimaryKeyConstraint("batch", "number", name=op.f("pk_batch_row")),
    )
    op.create_table(
        "organisation_place",
        sa.Column("organisation", sa.String(length=16), nullable=False, comment="ODS code"),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_organisation_place_place")),
        sa.PrimaryKeyConstraint("organisation", name=op.f("pk_organisation_place")),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=16), nullable=False),
        sa.Column("sector", sa.String(length=16), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("packs", DOCUMENT, nullable=False),
        sa.Column("identifier_domain", sa.String(length=64), nullable=False),
        sa.Column("ack", sa.String(length=16), nullable=False),
        sa.Column("traced", sa.Boolean(), nullable=False),
        sa.Column("authority", sa.Boolean(), nullable=False),
        sa.Column("mllp_port", sa.Integer(), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_source_place")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("mllp_port", name=op.f("uq_source_mllp_port")),
    )
    op.create_table(
        "waiting",
        sa.Column("message", sa.String(length=36), nullable=False),
        sa.Column("parent", sa.String(length=36), nullable=False, comment="resource id of the parent that is unknown"),
        sa.Column("domain", sa.String(length=64), nullable=False, comment="identifier domain of the source"),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="order of arrival, drawn from event_sequence"),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_waiting_message")),
        sa.PrimaryKeyConstraint("message", "parent", name=op.f("pk_waiting")),
    )
    op.create_index(op.f("ix_waiting_parent"), "waiting", ["parent"], unique=False)


def downgrade() -> None:
    for table in reversed(_TABLES):  # with their indexes
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.schema.DropSequence(sa.Sequence("event_sequence")))
