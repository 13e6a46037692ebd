"""Messages that have waited for their parents for long enough: taken up by one gateway at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, or_, select

from gateway.delivery import Row
from gateway.store.bodies import bytes_of
from gateway.store.bulk import any_of
from gateway.store.models import message, waiting
from gateway.store.states import Waiting, places_of


def take_overdue(
    connection: Connection, before: datetime, now: datetime, claim: timedelta, limit: int
) -> list[Waiting]:
    """Messages that wait since before that moment, in the order of arrival. Nobody else gets them until `claim` has
    passed: whoever took them may have died over them."""
    due = (
        waiting.c.message == message.c.id,
        waiting.c.since < before,
        or_(waiting.c.taken_up.is_(None), waiting.c.taken_up < now - claim),
    )
    rows = connection.execute(
        select(message)
        .where(exists().where(*due))
        .order_by(message.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).fetchall()
    ids = [row.id for row in rows]
    if not ids:
        return []
    connection.execute(waiting.update().where(any_of(connection, waiting.c.message, ids)).values(taken_up=now))
    places = places_of(connection, ids)
    found = [
        Waiting(
            id=row.id,
            source=row.source,
            body=bytes_of(row),
            content_type=row.content_type,
            received=row.received,
            number=places[row.id].number,
            row=Row(row.batch, row.row) if row.batch else None,
            traceparent=row.traceparent,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: each.number)
