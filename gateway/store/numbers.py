"""Ids and numbers that are drawn, each never twice."""

from __future__ import annotations

import os
import time
import uuid
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from gateway.store.bulk import on_postgres

_EVENTS: Final = "event_sequence"


def new_id(nanoseconds: int | None = None) -> str:
    """A UUID that grows with time (RFC 9562, version 7), so that tables fill at their end. Its clock goes on below the
    millisecond (there, section 6.2, method 3), so that of two made one after the other the second is greater.
    `nanoseconds` since 1970 are those of this machine's clock if not given."""
    moment, rest = divmod(time.time_ns() if nanoseconds is None else nanoseconds, 1_000_000)
    value = (moment << 80) | (0x7 << 76) | (rest * 4096 // 1_000_000 << 64)
    value |= (0x2 << 62) | int.from_bytes(os.urandom(8)) >> 2
    return str(uuid.UUID(int=value))


def earliest_id(moment: datetime) -> str:
    """No id that new_id has made before that moment is above it, and none made since is below."""
    value = round(moment.timestamp() * 1000) << 80 | 0x7 << 76 | 0x2 << 62
    return str(uuid.UUID(int=value))


def milliseconds_of(id_: str) -> int:
    """When new_id made it, in milliseconds since 1970."""
    return uuid.UUID(id_).int >> 80


def draw_sequence(connection: Connection, count: int) -> list[int]:
    """The next `count` numbers of the hub-wide event sequence, growing. Draw after the person rows are locked."""
    if count == 0:
        return []
    if on_postgres(connection):
        drawn = connection.exec_driver_sql("SELECT nextval('event_sequence') FROM generate_series(1, $1)", (count,))
        return sorted(drawn.scalars())
    last = connection.exec_driver_sql(_COUNT, (_EVENTS, count)).scalar_one()
    return list(range(last - count + 1, last + 1))


def draw_both(connection: Connection, events: int, rows: int) -> tuple[list[int], list[int]]:
    """Numbers of the event sequence and ids of the outbox, each growing; some more of one kind may be left unused."""
    if events == 0:
        return [], []
    if on_postgres(connection):
        drawn = connection.exec_driver_sql(_BOTH, (max(events, rows),)).fetchall()
        return sorted(sequence for sequence, _ in drawn), sorted(id_ for _, id_ in drawn)
    last = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").scalar() or 0
    return draw_sequence(connection, events), list(range(last + 1, last + rows + 1))


_BOTH: Final = "SELECT nextval('event_sequence'), nextval('outbox_id_seq') FROM generate_series(1, $1)"
_COUNT: Final = (
    "INSERT INTO counter (name, value) VALUES (?1, ?2) "
    "ON CONFLICT (name) DO UPDATE SET value = value + ?2 RETURNING value"
)
