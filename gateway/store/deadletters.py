"""Dead letters as operators look at them: in groups of one cause, and one by one, never with their content."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from contract.event import rfc3339
from gateway.store.auditing import history_of
from gateway.store.bodies import bytes_of
from gateway.store.bulk import any_of
from gateway.store.fingerprints import plain_path
from gateway.store.models import dead_letter, message_key
from gateway.store.refusals import CLOSED, OPEN


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message or row that was refused and kept. `issues` are dictionaries as Issue.as_dict makes them; times UTC.
    `message` is what it became by a retry, `resent` the good message of its id that closed it, for as long as ids are
    remembered."""

    id: str
    group: str
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
    closed: datetime | None
    message: str | None
    resent: str | None

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "group": self.group,
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
            "closed": rfc3339(self.closed) if self.closed else None,
            "message": self.message,
            "resentAs": self.resent,
        }

    def as_refused(self) -> dict[str, object]:
        """As what became of the message, for its sender."""
        return {**self.as_dict(), "status": "refused", "deadLetter": self.status}


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Letters of one cause. `letters` is how many they are, `open` how many of these nobody has worked yet, `times` how
    often they were received; `example` is one of them, whose reason stands for all; times UTC."""

    id: str
    letters: int
    open: int
    times: int
    first_received: datetime
    last_received: datetime
    example: DeadLetter

    def as_dict(self) -> dict[str, object]:
        issue = self.example.issues[0] if self.example.issues else {}
        return {
            "group": self.id,
            "source": self.example.source,
            "code": self.example.code,
            "path": plain_path(str(issue.get("path", ""))),
            "text": issue.get("text", ""),
            "pack": self.example.pack,
            "packVersion": self.example.pack_version,
            "letters": self.letters,
            "open": self.open,
            "times": self.times,
            "firstReceived": rfc3339(self.first_received),
            "lastReceived": rfc3339(self.last_received),
            "example": self.example.id,
        }


def list_groups(
    connection: Connection, *, source: str | None = None, status: str | None = OPEN, limit: int = 100
) -> list[LetterGroup]:
    """Those of the latest letters first; of every source and status where None is given."""
    rows = connection.execute(
        select(
            dead_letter.c.fingerprint,
            func.count().label("letters"),
            func.count(case((dead_letter.c.status == OPEN, 1))).label("open"),
            func.sum(dead_letter.c.count).label("times"),
            func.min(dead_letter.c.first_received).label("first"),
            func.max(dead_letter.c.last_received).label("last"),
            func.min(dead_letter.c.id).label("example"),
        )
        .where(*_wanted(source=source, status=status))
        .group_by(dead_letter.c.fingerprint)
        .order_by(func.max(dead_letter.c.last_received).desc(), dead_letter.c.fingerprint)
        .limit(limit)
    ).fetchall()
    examples = _letters(connection, any_of(connection, dead_letter.c.id, [row.example for row in rows]))
    by_id = {letter.id: letter for letter in examples}
    return [
        LetterGroup(r.fingerprint, r.letters, r.open, int(r.times), r.first, r.last, by_id[r.example]) for r in rows
    ]


def list_dead_letters(
    connection: Connection,
    *,
    source: str | None = None,
    status: str | None = OPEN,
    group: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[DeadLetter]:
    """The latest first; of every source, status and group where None is given. `after` is the id of the last one of
    the page before."""
    wanted = _wanted(source=source, status=status, fingerprint=group)
    last = after and connection.execute(select(dead_letter.c.last_received).where(dead_letter.c.id == after)).scalar()
    if after and last:
        at = dead_letter.c.last_received
        wanted.append(or_(at < last, and_(at == last, dead_letter.c.id > after)))
    rows = select(*_COLUMNS).where(*wanted).order_by(dead_letter.c.last_received.desc(), dead_letter.c.id).limit(limit)
    return [_letter(row) for row in connection.execute(rows)]


def get_dead_letter(connection: Connection, id_: str) -> tuple[DeadLetter, bytes] | None:
    """A dead letter with the bytes as they were received."""
    row = connection.execute(select(dead_letter, _RESENT).where(dead_letter.c.id == id_)).first()
    return (_letter(row), bytes_of(row)) if row else None


def letters_named(connection: Connection, source: str, hashes: Collection[bytes]) -> list[DeadLetter]:
    """A source's dead letters of every status, of message ids with these hashes, in the order first received."""
    of_ids = any_of(connection, dead_letter.c.key_hash, hashes)
    rows = select(*_COLUMNS).where(dead_letter.c.source == source, of_ids)
    return [_letter(row) for row in connection.execute(rows.order_by(dead_letter.c.first_received, dead_letter.c.id))]


def told_letter(connection: Connection, id_: str) -> dict[str, Any] | None:
    """A dead letter with its size and what operators did with it, oldest first; None when there is none."""
    found = get_dead_letter(connection, id_)
    if found is None:
        return None
    letter, body = found
    return {**letter.as_dict(), "bytes": len(body), "history": history_of(connection, id_)}


_RESENT: Final = case(
    (
        and_(dead_letter.c.status == CLOSED, dead_letter.c.message.is_(None)),
        select(message_key.c.message).where(message_key.c.key_hash == dead_letter.c.key_hash).scalar_subquery(),
    )
).label("resent")
_COLUMNS: Final = [*(column for column in dead_letter.c if not column.name.startswith("body")), _RESENT]


def _wanted(**equal: str | None) -> list[ColumnElement[bool]]:
    return [dead_letter.c[name] == value for name, value in equal.items() if value is not None]


def _letters(connection: Connection, which: ColumnElement[bool]) -> Sequence[DeadLetter]:
    return [_letter(row) for row in connection.execute(select(*_COLUMNS).where(which))]


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        group=row.fingerprint,
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
        closed=row.closed,
        message=row.message,
        resent=row.resent,
    )
