"""What is registered: places, sources and who may log in, and what the installation settled at its start."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from gateway.store.models.columns import Document, UtcDateTime, metadata

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
