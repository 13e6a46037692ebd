"""From an event to its row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, update
from sqlalchemy.dialects import postgresql, sqlite

from consumers.apps.timeline.aliases import RELINKING, lock_all, relink, resolve_all
from consumers.apps.timeline.focus import focus_of
from consumers.event import Event
from consumers.models import timeline

# the same event may come by two topics, its own place's and one that it is shared with
_INSERT: Final = {
    "postgresql": postgresql.insert(timeline).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(timeline).on_conflict_do_nothing(),
}


_CORRECTED: Final = (
    *("type", "happened", "applied", "resource_type", "resource_id", "status", "summary"),
    *("topic", "partition", "offset"),
)


def apply(event: Event, connection: Connection) -> None:
    """Writes the event's row under the key that stands for its person now; a link or merge moves earlier rows first."""
    apply_all([event], connection)


def apply_all(events: Sequence[Event], connection: Connection) -> None:
    """Writes the rows of a batch, in few statements however many they are.

    Links and merges go first, in their order. Since a link moves the rows that stand there already, a row's key is
    always the one that its subject leads to now: the same, whether the row or the link was there first. Corrections go
    last: each changes the row of the event that it corrects.
    """
    links = [event for event in events if event.envelope.type in RELINKING]
    lock_all(connection, events, links)
    for link in links:
        relink(connection, link)
    leads_to = resolve_all(connection, {event.envelope.subject for event in events})
    now = datetime.now(UTC)
    said = [(event.envelope.corrects, _row(event, leads_to[event.envelope.subject], now)) for event in events]
    rows = [row for corrects, row in said if corrects is None]
    if rows:
        connection.execute(_INSERT[connection.dialect.name], rows)
    for corrects, row in said:
        if corrects is not None:
            _correct(connection, corrects, row)


def _correct(connection: Connection, corrects: str, row: dict[str, Any]) -> None:
    """The row keeps its place in the order: what was said after it stays said after it. A correction of what never came
    here is that event's row, whenever the event itself comes."""
    what = {name: row[name] for name in _CORRECTED}
    known = update(timeline).where(timeline.c.ce_id == corrects, timeline.c.subject == row["subject"])
    if connection.execute(known.values(what)).rowcount == 0:
        connection.execute(_INSERT[connection.dialect.name], [row | {"ce_id": corrects}])


def _row(event: Event, person_key: str, now: datetime) -> dict[str, Any]:
    envelope, focus = event.envelope, focus_of(event.bundle)
    return {
        "ce_id": envelope.id,
        "subject": envelope.subject,
        "person_key": person_key,
        "type": envelope.type,
        "sector": envelope.sector,
        "place": envelope.place,
        "organisation": envelope.organisation,
        "source": envelope.source,
        "happened": envelope.time,
        "received": envelope.received,
        "applied": now,
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
