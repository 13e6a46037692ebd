"""What is remembered of resources that others hang on, and the messages that wait for one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, select, text

from gateway.delivery import Row
from gateway.store.bodies import bytes_of, pack_body
from gateway.store.bulk import any_of, insert_rows, upsert_rows
from gateway.store.entry import Earlier, Entry, storable
from gateway.store.keeping import Waits
from gateway.store.models import resource_state, source, waiting
from gateway.store.numbers import draw_sequence
from mappings.stages import ParentState, ResourceState


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stored message whose parents have all come. `received` is UTC; `number` its place in the order of arrival."""

    id: str
    source: str
    body: bytes
    content_type: str
    received: datetime
    number: int
    row: Row | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Remembered:
    """A resource to write down: whose it is and the sequence of the event that told of it."""

    domain: str
    person_key: str
    sequence: int
    state: ResourceState


def load_parents(
    connection: Connection, source_id: str, ids: Collection[str], resumes: str | None = None
) -> dict[str, ParentState]:
    """What is known of these parents, by resource id.

    A parent that older rows still wait for counts as unknown, so that they keep their order. `resumes` is the id of
    the waiting message this is asked for: only what arrived before it is older.
    """
    domain = select(source.c.identifier_domain).where(source.c.id == source_id).scalar_subquery()
    older = select(waiting.c.parent).where(waiting.c.domain == domain, any_of(connection, waiting.c.parent, ids))
    if resumes is not None:
        own = select(func.min(waiting.c.number)).where(waiting.c.message == resumes).scalar_subquery()
        older = older.where(waiting.c.number < own)
    held_back = set(connection.execute(older).scalars())
    rows = connection.execute(
        select(resource_state).where(
            resource_state.c.domain == domain, any_of(connection, resource_state.c.resource_id, ids)
        )
    )
    return {row.resource_id: _read(bytes_of(row)) for row in rows if row.resource_id not in held_back}


def releasable(connection: Connection, limit: int) -> list[Waiting]:
    """Waiting messages whose parents have all come, oldest first. Take them in one after the other: each may be what
    the next one waits for."""
    rows = connection.execute(text(_RELEASABLE), {"limit": limit})
    return [
        Waiting(
            id=row.id,
            source=row.source,
            body=bytes_of(row),
            content_type=row.content_type,
            received=_utc(row.received),
            number=row.number,
            row=Row(row.batch, row.row) if row.batch else None,
            traceparent=row.traceparent,
        )
        for row in rows
    ]


def hold_waiting(connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
    """Writes down what each message waits for. One that was here before keeps its place in the order of arrival, and
    one that waits again the time since which it does."""
    fresh = iter(draw_sequence(connection, sum(entry.earlier is None for entry in entries)))
    stop_waiting(connection, {entry.id for entry in entries if entry.keeping.resumes})
    rows: list[dict[str, Any]] = []
    for entry in entries:
        outcome = entry.keeping.outcome
        if not isinstance(outcome, Waits):
            raise TypeError("only a message whose outcome is Waits can wait")
        place = entry.earlier or Earlier(next(fresh), now)
        rows += (
            {
                "message": entry.id,
                "parent": parent.resource_id,
                "domain": entry.source.identifier_domain,
                "path": storable(parent.path),
                "since": place.since,
                "number": place.number,
            }
            for parent in {p.resource_id: p for p in outcome.parents}.values()
        )
    insert_rows(connection, waiting, rows)


def places_of(connection: Connection, messages: Collection[str]) -> dict[str, Earlier]:
    """Where these messages stand in the order of arrival, and since when, if they wait."""
    if not messages:
        return {}
    rows = connection.execute(
        select(waiting.c.message, func.min(waiting.c.number).label("number"), func.min(waiting.c.since).label("since"))
        .where(any_of(connection, waiting.c.message, messages))
        .group_by(waiting.c.message)
    )
    return {row.message: Earlier(row.number, row.since) for row in rows}


def stop_waiting(connection: Connection, messages: Collection[str]) -> None:
    if messages:
        connection.execute(waiting.delete().where(any_of(connection, waiting.c.message, messages)))


def snapshot_hashes(
    connection: Connection, states: Iterable[tuple[str, ResourceState]]
) -> dict[tuple[str, str], bytes]:
    """Content hashes as they stand, by identifier domain and resource id, for states that are rows of a snapshot."""
    ids = {state.resource_id for _, state in states if state.snapshot}
    if not ids:
        return {}
    columns = (resource_state.c.domain, resource_state.c.resource_id, resource_state.c.content_hash)
    rows = connection.execute(select(*columns).where(any_of(connection, resource_state.c.resource_id, ids)))
    return {(row.domain, row.resource_id): bytes(row.content_hash) for row in rows}


def remember_states(connection: Connection, remembered: Iterable[Remembered]) -> None:
    """Writes resources down, the last word of a group for each."""
    last = {(r.domain, r.state.resource_id): r for r in remembered}
    rows = [_row(r) for _, r in sorted(last.items(), key=lambda item: item[0])]
    if not rows:
        return
    replaced = ", ".join(f"{name} = excluded.{name}" for name in rows[0] if name not in ("domain", "resource_id"))
    upsert_rows(connection, resource_state, rows, f"ON CONFLICT (domain, resource_id) DO UPDATE SET {replaced}")


_RELEASABLE = """
WITH short AS (
    SELECT DISTINCT w.message FROM waiting w
    WHERE NOT EXISTS (SELECT 1 FROM resource_state s WHERE s.domain = w.domain AND s.resource_id = w.parent)
), place AS (
    SELECT w.message, min(w.number) AS number FROM waiting w
    WHERE w.message NOT IN (SELECT message FROM short) GROUP BY w.message
)
SELECT m.id, m.source, m.content_type, m.received, m.batch, m.row, m.traceparent, m.body, m.body_codec, m.body_key,
       place.number
FROM place JOIN message m ON m.id = place.message
WHERE NOT EXISTS (
    SELECT 1 FROM waiting mine JOIN waiting older
        ON older.domain = mine.domain AND older.parent = mine.parent AND older.number < mine.number
    WHERE mine.message = place.message AND older.message IN (SELECT message FROM short)
)
ORDER BY place.number LIMIT :limit
"""
"""Whoever stands behind an older message that is still short of a parent stays behind it."""


def _row(remembered: Remembered) -> dict[str, Any]:
    state = remembered.state
    told: Mapping[str, Any] = {"patient": state.state.patient, "ancestors": dict(state.state.ancestors)}
    return {
        "domain": remembered.domain,
        "resource_id": state.resource_id,
        "resource_type": state.resource_type,
        "person_key": remembered.person_key,
        "content_hash": state.content_hash,
        "sequence": remembered.sequence,
        **pack_body(orjson.dumps(told)).columns(),
    }


def _read(told: bytes) -> ParentState:
    read = orjson.loads(told)
    return ParentState(read["patient"], read["ancestors"])


def _utc(moment: datetime | str) -> datetime:
    """Text statements bring a time as the driver gives it."""
    read = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
