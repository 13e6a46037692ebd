"""From an event to its row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from consumers.apps.timeline.aliases import RELINKING, relink, resolve
from consumers.apps.timeline.focus import focus_of
from consumers.event import Event
from consumers.models import timeline

# the same event may come by two topics, its own place's and one that it is shared with
_INSERT: Final = {
    "postgresql": postgresql.insert(timeline).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(timeline).on_conflict_do_nothing(),
}


def apply(event: Event, connection: Connection) -> None:
    """Writes the event's row under the key that stands for its person now; a link or merge moves earlier rows first."""
    envelope, focus = event.envelope, focus_of(event.bundle)
    if envelope.type in RELINKING:
        relink(connection, event)
    row = {
        "ce_id": envelope.id,
        "subject": envelope.subject,
        "person_key": resolve(connection, envelope.subject),
        "type": envelope.type,
        "sector": envelope.sector,
        "place": envelope.place,
        "organisation": envelope.organisation,
        "source": envelope.source,
        "happened": envelope.time,
        "received": envelope.received,
        "applied": datetime.now(UTC),
        "sequence": envelope.sequence,
        "late": envelope.late,
        "resource_type": focus.resource_type,
        "resource_id": focus.resource_id,
        "status": focus.status,
        "summary": focus.summary,
        "topic": event.topic,
        "partition": event.partition,
        "offset": event.offset,
    }
    connection.execute(_INSERT[connection.dialect.name], row)
