"""Messages as their senders and operators may look at them: without their content."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from contract.event import rfc3339
from gateway.store.bulk import any_of
from gateway.store.events import EventLife, events_of_messages
from gateway.store.models import message, message_key


@dataclass(frozen=True, slots=True)
class MessageLife:
    """A message that was accepted or waits, and its events. `received` is UTC."""

    id: str
    source: str
    status: str
    received: datetime
    content_type: str
    pack: str
    pack_version: str
    batch: str | None
    row: int | None
    events: tuple[EventLife, ...]

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "status": self.status,
            "source": self.source,
            "received": rfc3339(self.received),
            "contentType": self.content_type,
            "pack": self.pack,
            "packVersion": self.pack_version,
            "batch": self.batch,
            "row": self.row,
            "events": [event.as_dict() for event in self.events],
        }


def message_by_id(connection: Connection, message_id: str, source: str | None = None) -> MessageLife | None:
    """None when there is none, or when it is not of `source`, if one is given: a sender sees only its own."""
    lives = _lives(connection, connection.execute(select(*_COLUMNS).where(message.c.id == message_id)).fetchall())
    return lives[0] if lives and source in (None, lives[0].source) else None


def messages_since(
    connection: Connection, source: str, since: datetime, limit: int, after: str | None = None
) -> list[MessageLife]:
    """A source's messages received at or after `since`, oldest first. `after` is the id of the last one of the page
    before; an unknown id starts from `since` again."""
    wanted = [message.c.source == source, message.c.received >= since]
    last = after and connection.execute(select(message.c.received).where(message.c.id == after)).scalar()
    if after and last:
        wanted.append(
            or_(message.c.received > last, and_(message.c.received == last, message.c.id > after)),
        )
    rows = connection.execute(
        select(*_COLUMNS).where(*wanted).order_by(message.c.received, message.c.id).limit(limit)
    ).fetchall()
    return _lives(connection, rows)


def messages_named(connection: Connection, source: str, hashes: Collection[bytes]) -> list[MessageLife]:
    """A source's messages that are remembered by ids with these hashes, the latest of each id, oldest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .join(message_key, message_key.c.message == message.c.id)
        .where(any_of(connection, message_key.c.key_hash, hashes), message.c.source == source)
        .order_by(message.c.received, message.c.id)
    ).fetchall()
    return _lives(connection, rows)


_COLUMNS = [column for column in message.c if not column.name.startswith("body")]


def _lives(connection: Connection, rows: Sequence[Any]) -> list[MessageLife]:
    events = events_of_messages(connection, [row.id for row in rows])
    return [
        MessageLife(
            id=row.id,
            source=row.source,
            status=row.status,
            received=row.received,
            content_type=row.content_type,
            pack=row.pack,
            pack_version=row.pack_version,
            batch=row.batch,
            row=row.row,
            events=events.get(row.id, ()),
        )
        for row in rows
    ]
