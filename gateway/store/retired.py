"""Messages and events whose time is over: which of them may go, and what outlives them.

A message stays as long as somebody may send it again, one of its events is not published, something that is not
published waits for one, or a running replay has one before it. Two facts outlive events: where those of a person went,
and how far their sequence went.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.delivery import Status
from gateway.store import replays
from gateway.store.bodies import GONE
from gateway.store.bulk import any_of, on_postgres
from gateway.store.counters import counted, raise_counter
from gateway.store.models import event, message, message_key, outbox, person_topic, replay
from gateway.store.numbers import earliest_id, milliseconds_of
from gateway.store.old_rows import Due

_EVENTS_GONE: Final = "events-gone"
_BODIES_GONE: Final = "bodies-gone"


def due_messages(connection: Connection, before: datetime, now: datetime, after: str | None, limit: int) -> Due:
    """Ids of messages that were kept before that moment and may go; the page is of so many that are old enough."""
    page = connection.execute(
        select(message.c.id, message.c.key_hash)
        .where(message.c.id > (after or ""), message.c.id < earliest_id(before), message.c.status == Status.ACCEPTED)
        .order_by(message.c.id)
        .limit(limit)
    ).fetchall()
    if not page:
        return Due(())
    owed = _remembered(connection, [row.key_hash for row in page], now) | _unfinished(connection, [r.id for r in page])
    return Due([row.id for row in page if row.id not in owed], page[-1].id)


def remove_messages(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """With their events and outbox rows."""
    events = list(connection.execute(select(event.c.id).where(any_of(connection, event.c.message, ids))).scalars())
    removed = remove_events(connection, events)
    gone = connection.execute(message.delete().where(any_of(connection, message.c.id, ids)))
    return {"messages": gone.rowcount, **removed}


def due_links(connection: Connection, before: datetime, _now: datetime, after: str | None, limit: int) -> Due:
    """Ids of events that the hub itself made, of no message. Messages go first: what is left before that moment is
    little, so that walking through it costs little."""
    page = connection.execute(
        select(event.c.id, event.c.message)
        .where(event.c.id > (after or ""), event.c.id < earliest_id(before))
        .order_by(event.c.id)
        .limit(limit)
    ).fetchall()
    if not page:
        return Due(())
    own = [row.id for row in page if row.message is None]
    held = _held(connection, own)
    return Due([id_ for id_ in own if id_ not in held], page[-1].id)


def remove_events(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    """Published ones, with their outbox rows."""
    if not ids:
        return {"events": 0, "outbox": 0}
    went = connection.execute(
        select(outbox.c.person_key, outbox.c.topic).where(any_of(connection, outbox.c.event, ids)).distinct()
    )
    rows = sorted((row.person_key, row.topic) for row in went)
    highest = max(connection.execute(select(event.c.sequence).where(any_of(connection, event.c.id, ids))).scalars())
    insert: Any = (postgresql if on_postgres(connection) else sqlite).insert(person_topic)
    connection.execute(insert.on_conflict_do_nothing(), [{"person_key": key, "topic": topic} for key, topic in rows])
    raise_counter(connection, _EVENTS_GONE, highest)
    sent = connection.execute(
        outbox.delete().where(any_of(connection, outbox.c.event, ids), outbox.c.published.is_not(None))
    )
    gone = connection.execute(event.delete().where(any_of(connection, event.c.id, ids)))
    return {"events": gone.rowcount, "outbox": sent.rowcount}


def due_bodies(connection: Connection, before: datetime, _now: datetime, after: str | None, limit: int) -> Due:
    """Ids of messages whose bytes may go while the rest is kept; begins where the last run has ended."""
    start = after or _id_at(counted(connection, _BODIES_GONE))
    page = connection.execute(
        select(message.c.id)
        .where(message.c.id > start, message.c.id < earliest_id(before))
        .where(message.c.status == Status.ACCEPTED, message.c.body_codec != GONE)
        .order_by(message.c.id)
        .limit(limit)
    )
    ids = list(page.scalars())
    return Due(ids, ids[-1] if ids else None)


def remove_bodies(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    gone = connection.execute(
        message.update().where(any_of(connection, message.c.id, ids)).values(body=b"", body_codec=GONE, body_key="")
    )
    raise_counter(connection, _BODIES_GONE, milliseconds_of(ids[-1]))
    return {"bodies": gone.rowcount}


def highest_gone(connection: Connection) -> int:
    """The highest sequence of events that are no longer kept, 0 when all are."""
    return counted(connection, _EVENTS_GONE)


def _remembered(connection: Connection, hashes: Sequence[bytes], now: datetime) -> set[str]:
    """Messages that a repeat would still be answered from."""
    rows = select(message_key.c.message).where(
        any_of(connection, message_key.c.key_hash, hashes), message_key.c.until >= now
    )
    return set(connection.execute(rows).scalars())


def _unfinished(connection: Connection, ids: Sequence[str]) -> set[str]:
    rows = connection.execute(select(event.c.id, event.c.message).where(any_of(connection, event.c.message, ids)))
    messages: Mapping[str, str] = {row.id: row.message for row in rows}
    return {messages[id_] for id_ in _held(connection, messages.keys())}


def _held(connection: Connection, events: Collection[str]) -> set[str]:
    """Those of the events that are not published everywhere, that something unpublished waits for, or that a replay has
    before it."""
    if not events:
        return set()
    rows = connection.execute(
        select(outbox.c.id, outbox.c.event, outbox.c.published).where(any_of(connection, outbox.c.event, events))
    ).fetchall()
    waited_for = connection.execute(
        select(outbox.c.after_outbox_id).where(
            outbox.c.published.is_(None), any_of(connection, outbox.c.after_outbox_id, [row.id for row in rows])
        )
    )
    needed = set(waited_for.scalars())
    ahead = connection.execute(
        select(replay.c.position, replay.c.last).where(replay.c.status == replays.Status.RUNNING)
    ).fetchall()
    return {
        row.event
        for row in rows
        if row.published is None or row.id in needed or any(r.position < row.id <= r.last for r in ahead)
    }


def _id_at(milliseconds: int) -> str:
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}"
