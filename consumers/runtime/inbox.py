"""The inbox: which events an app has applied, noted in the same transaction as what it did with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from consumers.app import App
from consumers.event import Event
from consumers.models import inbox

_NOTE: Final = {
    dialect: insert(inbox).on_conflict_do_nothing().returning(inbox.c.topic, inbox.c.ce_id, inbox.c.replay)
    for dialect, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


def apply_events(connection: Connection, app: App, events: Sequence[Event]) -> int:
    """Applies those of `events` that this app has not applied before, in their order; returns how many."""
    noted = _note_fresh(connection, app.name, events)
    first = {_key(event): event for event in reversed(events)}  # the same event twice in one batch is applied once
    fresh = [event for event in events if _key(event) in noted and first[_key(event)] is event]
    if app.apply_all is not None and fresh:
        app.apply_all(fresh, connection)
    else:
        for event in fresh:
            app.apply(event, connection)
    return len(fresh)


def _note_fresh(connection: Connection, app: str, events: Sequence[Event]) -> set[tuple[str, str, str]]:
    # another process that applies the same events now makes this statement wait until it has committed or given up
    now = datetime.now(UTC)
    keys = dict.fromkeys(_key(event) for event in events)
    rows = [{"app": app, "topic": t, "ce_id": i, "replay": r, "applied": now} for t, i, r in keys]
    inserted = connection.execute(_NOTE[connection.dialect.name], rows)
    return {(row.topic, row.ce_id, row.replay) for row in inserted}


def _key(event: Event) -> tuple[str, str, str]:
    return event.topic, event.envelope.id, event.envelope.replay or ""
