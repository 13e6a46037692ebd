"""Dead letters as operators work them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from contract.event import rfc3339
from gateway.store.bodies import bytes_of
from gateway.store.models import audit, dead_letter
from gateway.store.refusals import CLOSED, DISCARDED, OPEN


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message or row that was refused and kept. `issues` are dictionaries as Issue.as_dict makes them; times UTC."""

    id: str
    source: str
    code: str
    issues: tuple[dict[str, Any], ...]
    count: int
    status: str
    pack: str
    pack_version: str
    content_type: str
    batch: str | None
    row: int | None
    first_received: datetime
    last_received: datetime

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "source": self.source,
            "code": self.code,
            "issues": list(self.issues),
            "count": self.count,
            "status": self.status,
            "pack": self.pack,
            "packVersion": self.pack_version,
            "contentType": self.content_type,
            "batch": self.batch,
            "row": self.row,
            "firstReceived": rfc3339(self.first_received),
            "lastReceived": rfc3339(self.last_received),
        }


def list_dead_letters(
    connection: Connection, *, source: str | None = None, status: str | None = OPEN, limit: int = 100
) -> list[DeadLetter]:
    """The latest first; of every source and status where None is given."""
    wanted = [
        column == value
        for column, value in ((dead_letter.c.source, source), (dead_letter.c.status, status))
        if value is not None
    ]
    rows = connection.execute(
        select(*_COLUMNS).where(*wanted).order_by(dead_letter.c.last_received.desc(), dead_letter.c.id).limit(limit)
    )
    return [_letter(row) for row in rows]


def get_dead_letter(connection: Connection, id_: str) -> tuple[DeadLetter, bytes] | None:
    """A dead letter with the bytes as they were received."""
    row = connection.execute(select(dead_letter).where(dead_letter.c.id == id_)).first()
    return (_letter(row), bytes_of(row)) if row else None


def close_dead_letter(
    connection: Connection, id_: str, *, actor: str, reason: str, now: datetime, discard: bool = False
) -> bool:
    """Closes, or discards, an open dead letter by hand, on record; whether there was one."""
    status = DISCARDED if discard else CLOSED
    changed = connection.execute(
        dead_letter.update()
        .where(dead_letter.c.id == id_, dead_letter.c.status == OPEN)
        .values(status=status, closed=now)
    )
    if changed.rowcount == 0:
        return False
    connection.execute(
        audit.insert().values(
            at=now, actor=actor, action=f"dead-letter-{status}", subject=id_, detail={"reason": reason}
        )
    )
    return True


_COLUMNS = [column for column in dead_letter.c if not column.name.startswith("body")]


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        source=row.source,
        code=row.code,
        issues=tuple(row.issues),
        count=row.count,
        status=row.status,
        pack=row.pack,
        pack_version=row.pack_version,
        content_type=row.content_type,
        batch=row.batch,
        row=row.row,
        first_received=row.first_received,
        last_received=row.last_received,
    )
