"""Persons, by keys: how keys stand for one person, what holds for them, and where their events went."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, String, Table

from gateway.store.models.columns import UtcDateTime, metadata

person = Table(
    "person",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("national", Boolean, nullable=False, comment="made from an NHS number"),
    Column("merged_into", String(64), index=True, comment="the key that took its place"),
    Column("flagged", Boolean, nullable=False, comment="has rows in person_flag"),
    Column("created", UtcDateTime, nullable=False),
)

person_flag = Table(
    "person_flag",
    metadata,
    Column("person_key", String(64), primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
)

person_topic = Table(
    "person_topic",
    metadata,
    Column("person_key", String(64), primary_key=True),
    Column("topic", String(249), primary_key=True),
    comment="where events of a key went that are no longer kept: links must still be told there",
)
