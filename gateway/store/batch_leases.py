"""Who works on which file: a lease on each, timed by the database's clock, and what keeps a file from going on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, literal, or_, select

from gateway.store.batches import DONE, Stopped, in_work
from gateway.store.bodies import bytes_of
from gateway.store.clock import Clock, database_now
from gateway.store.models import batch, batch_row


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """A file to be worked on, whose lease the claimant holds. `stored` is its row, `done` are the numbers of rows kept
    already."""

    id: str
    source: str
    content_type: str
    received: datetime
    stored: Row[Any]
    done: frozenset[int]

    def body(self) -> bytes:
        """As it was sent. It takes a moment for a large one: not for the event loop."""
        return bytes_of(self.stored)


def claim_batch(
    connection: Connection, owner: str, seconds: float, clock: Clock = database_now, *, largest: int | None = None
) -> ClaimedBatch | None:
    """The oldest file that nobody else works on and none of its source is before, leased to `owner` for so many
    seconds; None when there is none. A worker that had to let go of its file has it again at once. With `largest`, one
    of at most so many bytes as it is stored."""
    now = clock(connection)
    free = or_(_is_free(now), batch.c.owner == owner)
    if largest is not None:
        free = and_(free, func.length(batch.c.body) <= largest)
    row = connection.execute(
        select(batch).where(free, *_is_next()).order_by(batch.c.id).limit(1).with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    lease = {"owner": owner, "lease_until": now + timedelta(seconds=seconds)}
    connection.execute(batch.update().where(batch.c.id == row.id).values(**lease))
    done = connection.execute(select(batch_row.c.number).where(batch_row.c.batch == row.id)).scalars()
    return ClaimedBatch(row.id, row.source, row.content_type, row.received, row, frozenset(done))


def renew_lease(
    connection: Connection,
    batch_id: str,
    owner: str,
    seconds: float,
    clock: Clock = database_now,
    *,
    stopped: str | None = None,
) -> bool:
    """Whether `owner` still holds the lease; if so for so many seconds more. `stopped` is the code of what keeps the
    file from going on, empty when it goes on, None when that is as before."""
    now = clock(connection)
    changed = connection.execute(
        batch.update()
        .where(batch.c.id == batch_id, batch.c.owner == owner, in_work())
        .values(lease_until=now + timedelta(seconds=seconds), **_told(stopped, now))
    )
    return changed.rowcount == 1


def others_wait(connection: Connection, clock: Clock = database_now) -> bool:
    """Whether there is a file that could be claimed."""
    waiting = select(batch.c.id).where(_is_free(clock(connection)), *_is_next()).limit(1)
    return connection.execute(waiting).first() is not None


def end_leases(connection: Connection) -> None:
    """On SQLite, at the start of its one process: what was leased then, a process had that is no more."""
    connection.execute(batch.update().where(in_work()).values(owner=None, lease_until=None))


def release_lease(
    connection: Connection,
    batch_id: str,
    owner: str,
    seconds: float = 0.0,
    clock: Clock = database_now,
    *,
    stopped: str | None = None,
) -> None:
    """Lets another worker go on, in so many seconds. `stopped` is as for renew_lease."""
    now = clock(connection)
    until = now + timedelta(seconds=seconds) if seconds else None
    connection.execute(
        batch.update()
        .where(batch.c.id == batch_id, batch.c.owner == owner)
        .values(owner=None, lease_until=until, **_told(stopped, now))
    )


def finish_batch(connection: Connection, batch_id: str, rows: int, now: datetime) -> None:
    """Every row of the file has been kept or refused."""
    connection.execute(
        batch.update()
        .where(batch.c.id == batch_id)
        .values(status=DONE, rows=rows, finished=now, owner=None, lease_until=None, **_told("", now))
    )


def stopped_files(connection: Connection) -> list[tuple[str, Stopped]]:
    """The files that do not go on: the source and what stops it, the first that stopped first."""
    rows = connection.execute(
        select(batch.c.source, batch.c.error, batch.c.stopped)
        .where(in_work(), batch.c.stopped.is_not(None))
        .order_by(batch.c.stopped, batch.c.id)
    )
    return [(row.source, Stopped(row.error, row.stopped)) for row in rows]


def _told(stopped: str | None, now: datetime) -> dict[str, Any]:
    if stopped is None:
        return {}
    since = func.coalesce(batch.c.stopped, literal(now, batch.c.stopped.type)) if stopped else None
    return {"error": stopped, "stopped": since}


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(batch.c.lease_until.is_(None), batch.c.lease_until < now)


def _is_next() -> tuple[ColumnElement[bool], ...]:
    """Files of a source are worked one after the other, in the order in which they came."""
    earlier = batch.alias("earlier")
    before = select(earlier.c.id).where(earlier.c.source == batch.c.source, in_work(earlier), earlier.c.id < batch.c.id)
    return in_work(), ~before.exists()
