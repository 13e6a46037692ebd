"""A consumer app that writes a row each time it is given an event, and has no other guard against repeats than the
runtime's inbox: what is applied twice stands there twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, String, Table, insert, text

from consumers.app import App
from consumers.event import Event

tally = Table(
    "tally",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=True, comment="the order in which events were applied"),
    Column("topic", String(249), nullable=False),
    Column("ce_id", String(64), nullable=False),
    Index("ix_tally_event", "ce_id", "topic"),  # by which the run finds what is not applied yet, among 150,000
)

_LOCK = 0x74616C6C


def prepare(connection: Connection) -> None:
    """Both instances start at once, and `CREATE TABLE IF NOT EXISTS` is not safe against itself."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    tally.create(connection, checkfirst=True)


def apply(event: Event, connection: Connection) -> None:
    apply_all([event], connection)


def apply_all(events: Sequence[Event], connection: Connection) -> None:
    rows: list[dict[str, Any]] = [{"topic": event.topic, "ce_id": event.envelope.id} for event in events]
    connection.execute(insert(tally), rows)


app = App(
    "tally",
    apply,
    topics=r"^care\.[a-z0-9-]+\.[a-z-]+(\.restricted)?\.v1$",
    prepare=prepare,
    apply_all=apply_all,
)
