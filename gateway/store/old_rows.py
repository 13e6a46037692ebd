"""Old rows of every kind but messages and events: letters that are closed, files that are done, message ids that are
forgotten, the audit trail, and signs of life of processes that are gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from gateway.store.batches import DONE
from gateway.store.bulk import any_of
from gateway.store.models import audit, batch, batch_row, dead_letter, heartbeat, message_key
from gateway.store.numbers import earliest_id
from gateway.store.refusals import CLOSED, DISCARDED


@dataclass(frozen=True, slots=True)
class Due:
    """A page of what is due, by what each kind is removed by. `last` is where the next page begins; None when nothing
    more is old enough."""

    rows: Sequence[Any]
    last: Any = None


def due_letters(connection: Connection, before: datetime, _now: datetime, after: Any, limit: int) -> Due:
    at = dead_letter.c.last_received
    wanted = [*_put_away(before), at < before]
    if after:
        wanted += [at >= after.last_received, or_(at > after.last_received, dead_letter.c.id > after.id)]
    rows = connection.execute(
        select(dead_letter.c.id, at, dead_letter.c.closed).where(*wanted).order_by(at, dead_letter.c.id).limit(limit)
    ).fetchall()
    return Due([(row.id, before) for row in rows], rows[-1] if rows else None)


def _put_away(before: datetime) -> list[Any]:
    return [dead_letter.c.status.in_((CLOSED, DISCARDED)), dead_letter.c.closed < before]


def remove_letters(connection: Connection, rows: Sequence[tuple[str, datetime]]) -> dict[str, int]:
    """One that comes again meanwhile is open, and stays."""
    ids, before = [id_ for id_, _ in rows], rows[0][1]
    gone = connection.execute(dead_letter.delete().where(any_of(connection, dead_letter.c.id, ids), *_put_away(before)))
    return {"deadLetters": gone.rowcount}


def due_files(connection: Connection, before: datetime, _now: datetime, after: Any, limit: int) -> Due:
    """Rows of one file, as (batch, number); at their end the file itself, whose number is None."""
    last, number = after or ("", None)
    of = connection.execute(
        select(batch.c.id)
        .where(batch.c.id >= last if number is not None else batch.c.id > last, batch.c.id < earliest_id(before))
        .where(batch.c.status == DONE, batch.c.finished < before)
        .order_by(batch.c.id)
        .limit(1)
    ).scalar()
    if of is None:
        return Due(())
    rows = connection.execute(
        select(batch_row.c.number)
        .where(batch_row.c.batch == of, batch_row.c.number > (number if of == last and number is not None else -1))
        .order_by(batch_row.c.number)
        .limit(limit)
    )
    due: list[tuple[str, int | None]] = [(of, found) for found in rows.scalars()]
    if len(due) < limit:
        due.append((of, None))
    return Due(due, due[-1])


def remove_files(connection: Connection, rows: Sequence[tuple[str, int | None]]) -> dict[str, int]:
    of = rows[0][0]
    numbers = [number for _, number in rows if number is not None]
    gone = connection.execute(
        batch_row.delete().where(batch_row.c.batch == of, any_of(connection, batch_row.c.number, numbers))
    )
    whole = connection.execute(batch.delete().where(batch.c.id == of)).rowcount if rows[-1][1] is None else 0
    return {"fileRows": gone.rowcount, "files": whole}


def due_keys(connection: Connection, _before: datetime, now: datetime, after: bytes | None, limit: int) -> Due:
    """Walks through all, page by page: an index by time would cost every message that comes."""
    rows = limit * 20  # narrow, and most are not due
    page = connection.execute(
        select(message_key.c.key_hash, message_key.c.until)
        .where(message_key.c.key_hash > (after or b""))
        .order_by(message_key.c.key_hash)
        .limit(rows)
    ).fetchall()
    return Due([(row.key_hash, now) for row in page if row.until < now], page[-1].key_hash if page else None)


def remove_keys(connection: Connection, rows: Sequence[tuple[bytes, datetime]]) -> dict[str, int]:
    """One that is claimed anew meanwhile stays."""
    hashes, now = [key_hash for key_hash, _ in rows], rows[0][1]
    forgotten = any_of(connection, message_key.c.key_hash, hashes)
    gone = connection.execute(message_key.delete().where(forgotten, message_key.c.until < now))
    return {"messageIds": gone.rowcount}


def due_audit(connection: Connection, before: datetime, _now: datetime, after: int | None, limit: int) -> Due:
    """From the first on: what lies behind one that is not due is not looked at."""
    page = connection.execute(
        select(audit.c.id, audit.c.at).where(audit.c.id > (after or 0)).order_by(audit.c.id).limit(limit)
    ).fetchall()
    due = [row.id for row in page if row.at < before]
    return Due(due, due[-1] if due else None)


def remove_audit(connection: Connection, ids: Sequence[int]) -> dict[str, int]:
    return {"audit": connection.execute(audit.delete().where(any_of(connection, audit.c.id, ids))).rowcount}


def due_heartbeats(connection: Connection, before: datetime, _now: datetime, after: str | None, limit: int) -> Due:
    rows = connection.execute(
        select(heartbeat.c.process)
        .where(heartbeat.c.at < before, heartbeat.c.process > (after or ""))
        .order_by(heartbeat.c.process)
        .limit(limit)
    )
    dead = list(rows.scalars())
    return Due(dead, dead[-1] if dead else None)


def remove_heartbeats(connection: Connection, dead: Sequence[str]) -> dict[str, int]:
    gone = connection.execute(heartbeat.delete().where(any_of(connection, heartbeat.c.process, dead)))
    return {"heartbeats": gone.rowcount}
