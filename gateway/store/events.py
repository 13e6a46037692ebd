"""The life of an event so far: where it goes, and where and when it was published."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select

from contract.event import rfc3339
from gateway.store.bulk import any_of
from gateway.store.models import event, message, outbox


@dataclass(frozen=True, slots=True)
class Outlet:
    """One topic that an event goes to. `published` (UTC), partition and offset are empty until it is there."""

    topic: str
    published: datetime | None
    partition: int | None
    offset: int | None
    late: bool

    def as_dict(self) -> dict[str, object]:
        return {
            "topic": self.topic,
            "published": rfc3339(self.published) if self.published else None,
            "partition": self.partition,
            "offset": self.offset,
            "late": self.late,
        }


@dataclass(frozen=True, slots=True)
class EventLife:
    """An event without its content. Of one that the hub itself made, `message` and pack are None; `corrects` is the
    event whose place a correction takes."""

    id: str
    message: str | None
    source: str
    type: str
    person_key: str
    happened: datetime
    received: datetime
    sequence: int
    restricted: bool
    pack: str | None
    pack_version: str | None
    corrects: str | None
    outlets: tuple[Outlet, ...]

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "message": self.message,
            "source": self.source,
            "type": self.type,
            "happened": rfc3339(self.happened),
            "received": rfc3339(self.received),
            "sequence": self.sequence,
            "restricted": self.restricted,
            "pack": self.pack,
            "packVersion": self.pack_version,
            "corrects": self.corrects,
            "topics": [outlet.as_dict() for outlet in self.outlets],
        }


def event_by_id(connection: Connection, event_id: str, source: str | None = None) -> EventLife | None:
    """None when there is none, or when it is not of `source`, if one is given: a sender sees only its own."""
    rows = connection.execute(_EVENTS.where(event.c.id == event_id)).fetchall()
    if not rows or (source is not None and rows[0].source != source):
        return None
    outlets = connection.execute(select(outbox).where(outbox.c.event == event_id).order_by(outbox.c.id))
    return _life(rows[0], tuple(_outlet(row) for row in outlets))


def events_of_messages(connection: Connection, messages: Collection[str]) -> dict[str, tuple[EventLife, ...]]:
    """The events of these messages, by message id, in order."""
    if not messages:
        return {}
    rows = connection.execute(
        _EVENTS.where(any_of(connection, event.c.message, messages)).order_by(
            event.c.message, event.c.number, event.c.sequence
        )
    ).fetchall()
    outlets: dict[str, list[Outlet]] = {}
    of_events = any_of(connection, outbox.c.event, [row.id for row in rows])
    for row in connection.execute(select(outbox).where(of_events).order_by(outbox.c.id)):
        outlets.setdefault(row.event, []).append(_outlet(row))
    lives: dict[str, list[EventLife]] = {}
    for row in rows:
        lives.setdefault(row.message, []).append(_life(row, tuple(outlets.get(row.id, ()))))
    return {id_: tuple(found) for id_, found in lives.items()}


_EVENTS: Final = select(
    *(column for column in event.c if not column.name.startswith("body") and column.name != "pack_version"),
    message.c.pack,
    func.coalesce(event.c.pack_version, message.c.pack_version).label("pack_version"),
).outerjoin(message, message.c.id == event.c.message)


def _outlet(row: Any) -> Outlet:
    return Outlet(row.topic, row.published, row.partition, row.offset, row.late)


def _life(row: Any, outlets: tuple[Outlet, ...]) -> EventLife:
    return EventLife(
        id=row.id,
        message=row.message,
        source=row.source,
        type=row.type,
        person_key=row.person_key,
        happened=row.happened,
        received=row.received,
        sequence=row.sequence,
        restricted=row.restricted,
        pack=row.pack,
        pack_version=row.pack_version,
        corrects=row.corrects,
        outlets=outlets,
    )
