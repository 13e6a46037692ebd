"""Files of several messages: stored whole first, then worked row by row by whoever holds the lease."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from contract.event import rfc3339
from gateway.delivery import Status
from gateway.store.batch_rows import REFUSED
from gateway.store.bodies import Body, bytes_of
from gateway.store.bulk import on_postgres
from gateway.store.clock import Clock, database_now
from gateway.store.entry import storable
from gateway.store.models import batch, batch_row
from gateway.store.numbers import milliseconds_of, new_id

PROCESSING: Final = "processing"
DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Stopped:
    """What keeps a file from going on, a Code, and since when (UTC)."""

    code: str
    since: datetime

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "since": rfc3339(self.since)}


@dataclass(frozen=True, slots=True)
class Batch:
    """How far a file has come. `rows` is unknown until its body was read to the end; a row that was sent before counts
    as accepted. `received` is UTC, `stopped` None while it goes on."""

    id: str
    source: str
    status: str
    received: datetime
    rows: int | None
    accepted: int
    waiting: int
    refused: int
    stopped: Stopped | None = None

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "status": self.status,
            "source": self.source,
            "received": rfc3339(self.received),
            "rows": self.rows,
            "accepted": self.accepted,
            "waiting": self.waiting,
            "refused": self.refused,
            "stopped": self.stopped.as_dict() if self.stopped else None,
        }


@dataclass(frozen=True, slots=True)
class RowReport:
    """What became of one row. `message` is the message's id, or for a refused row the dead letter's."""

    number: int
    status: str
    message: str | None
    issues: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, object]:
        return {
            "number": self.number,
            "status": self.status,
            "message": self.message,
            "issues": list(self.issues),
        }


def create_batch(
    connection: Connection,
    source: str,
    key_hash: bytes,
    content_type: str,
    received: datetime,
    body: Body,
    clock: Clock = database_now,
) -> tuple[Batch, bool]:
    """The batch of this key, and whether it is new. The same file again is the same batch.

    `key_hash` is entry.hash_message_id of the Idempotency-Key, or of the SHA-256 of the bytes. Ids of a source's files
    grow in the order in which they came, whatever the clocks of gateways say.
    """
    known = _find(connection, source, key_hash)
    if known is None:
        row = {
            "id": _next_id(connection, source, clock),
            "source": source,
            "key_hash": key_hash,
            "content_type": storable(content_type),
            "status": PROCESSING,
            "received": received,
            **body.columns(),
        }
        insert: Any = (postgresql if on_postgres(connection) else sqlite).insert(batch)
        connection.execute(insert.values(row).on_conflict_do_nothing())
        known = _find(connection, source, key_hash)
        if known is None:
            raise LookupError("the batch just written is not there")
        return _progress(connection, known), known.id == row["id"]
    return _progress(connection, known), False


def batch_by_id(connection: Connection, batch_id: str, source: str | None = None) -> Batch | None:
    """None when there is none, or when it is not of `source`, if one is given."""
    row = connection.execute(select(*_COLUMNS).where(batch.c.id == batch_id)).first()
    return _progress(connection, row) if row and source in (None, row.source) else None


def batch_content(connection: Connection, batch_id: str) -> bytes:
    """The bytes of a file as they were received."""
    return bytes_of(connection.execute(select(batch).where(batch.c.id == batch_id)).one())


def batch_rows(connection: Connection, batch_id: str, *, after: int = 0, limit: int = 1000) -> list[RowReport]:
    """What became of the rows numbered above `after`, in order."""
    rows = connection.execute(
        select(batch_row)
        .where(batch_row.c.batch == batch_id, batch_row.c.number > after)
        .order_by(batch_row.c.number)
        .limit(limit)
    )
    return [RowReport(row.number, row.status, row.message, tuple(row.issues or ())) for row in rows]


def in_work(files: FromClause = batch) -> ColumnElement[bool]:
    """Whether a file is not done. As text: what is bound is not known to be what the index of such files holds."""
    return files.c.status == literal_column(f"'{PROCESSING}'")


def _next_id(connection: Connection, source: str, clock: Clock) -> str:
    """Above those of all files of the source that are not done; by the database's clock, which all gateways share."""
    unfinished = select(func.max(batch.c.id)).where(batch.c.source == source, in_work())
    last = connection.execute(unfinished).scalar()
    now = round(clock(connection).timestamp() * 1_000_000) * 1000
    return new_id(max(now, (milliseconds_of(last) + 1) * 1_000_000) if last else now)


_COLUMNS = [column for column in batch.c if not column.name.startswith("body")]


def _find(connection: Connection, source: str, key_hash: bytes) -> Any:
    return connection.execute(select(*_COLUMNS).where(batch.c.source == source, batch.c.key_hash == key_hash)).first()


def _progress(connection: Connection, row: Any) -> Batch:
    counted = connection.execute(
        select(batch_row.c.status, func.count().label("number"))
        .where(batch_row.c.batch == row.id)
        .group_by(batch_row.c.status)
    )
    counts: Counter[str] = Counter({found.status: found.number for found in counted})
    return Batch(
        id=row.id,
        source=row.source,
        status=row.status,
        received=row.received,
        rows=row.rows,
        accepted=counts[Status.ACCEPTED] + counts[Status.REPLAYED],
        waiting=counts[Status.WAITING],
        refused=counts[REFUSED],
        stopped=Stopped(row.error, row.stopped) if row.stopped else None,
    )
