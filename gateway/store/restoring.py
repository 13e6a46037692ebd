"""A restored store put right: what was published where by Kafka's word, and numbers that are never drawn again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, text, update

from gateway.store.bulk import any_of, on_postgres
from gateway.store.counters import counted, raise_counter
from gateway.store.models import event, outbox

LEAP: Final = 1_000_000
"""How far above the highest number known the next ones begin: what was published last may be known to nobody here, when
Kafka has lost its end too. Gaps cost nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox as the store has it. Times are UTC; `sequence` is its event's."""

    id: int
    event: str
    topic: str
    person_key: str
    sequence: int
    late: bool
    published: datetime | None
    partition: int | None
    offset: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """Kafka has the event of this row there, since that time."""

    row: int
    partition: int
    offset: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """To rows of the outbox: those that Kafka has, those that are to be published (again), and which of these come
    behind a later event of their person."""

    found: Sequence[Found] = ()
    again: Sequence[int] = ()
    late: Sequence[int] = ()


def rows_after(connection: Connection, after: int, since: datetime | None, limit: int) -> list[Row]:
    """The next rows of the outbox by their ids, of those kept since that moment."""
    names = ("id", "event", "topic", "person_key", "late", "published", "partition", "offset")
    wanted = select(*(outbox.c[name] for name in names), event.c.sequence).join(event, event.c.id == outbox.c.event)
    wanted = wanted.where(outbox.c.id > after)
    if since is not None:
        wanted = wanted.where(outbox.c.created >= since)
    rows = connection.execute(wanted.order_by(outbox.c.id).limit(limit))
    return [Row(**row._mapping) for row in rows]


def apply_changes(connection: Connection, changes: Changes) -> None:
    if changes.found:
        put_right = update(outbox).where(outbox.c.id == bindparam("row"))
        put_right = put_right.values(published=bindparam("at"), partition=bindparam("into"), offset=bindparam("lies"))
        connection.execute(
            put_right, [{"row": f.row, "at": f.at, "into": f.partition, "lies": f.offset} for f in changes.found]
        )
    if changes.again:
        unpublished: dict[str, Any] = {"published": None, "partition": None, "offset": None}
        connection.execute(update(outbox).where(any_of(connection, outbox.c.id, changes.again)).values(unpublished))
    if changes.late:
        connection.execute(update(outbox).where(any_of(connection, outbox.c.id, changes.late)).values(late=True))


def known_events(connection: Connection, ids: Collection[str]) -> set[str]:
    return set(connection.execute(select(event.c.id).where(any_of(connection, event.c.id, ids))).scalars())


def oldest_received(connection: Connection) -> datetime | None:
    """When the message of the first event that is still kept was accepted."""
    return connection.execute(select(event.c.received).order_by(event.c.id).limit(1)).scalar()


def leap(connection: Connection, above: int) -> int:
    """Sets the event sequence and the outbox's ids to begin LEAP above that number and all of their own; returns from
    where on."""
    if on_postgres(connection):
        own = connection.execute(
            text("SELECT greatest(e.last_value, o.last_value) FROM event_sequence e, outbox_id_seq o")
        )
        start = max(above, int(own.scalar_one())) + LEAP
        for name in ("event_sequence", "outbox_id_seq"):
            connection.execute(select(func.setval(name, start)))
        return start
    ids = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")).scalar()
    start = max(above, counted(connection, "event_sequence"), ids or 0) + LEAP
    raise_counter(connection, "event_sequence", start)
    if ids is None:
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', :start)"), {"start": start})
    else:
        connection.execute(text("UPDATE sqlite_sequence SET seq = :start WHERE name = 'outbox'"), {"start": start})
    return start
