"""Questions to the timeline."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from consumers.apps.timeline.aliases import resolve
from consumers.apps.timeline.focus import WITHDRAWN
from consumers.models import timeline as table

_AT_ONCE: Final = 500


class Standing(StrEnum):
    """How an entry stands in the light of later events about the same resource (same id, higher sequence)."""

    CURRENT = "current"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. Times are UTC. `corrected_by` is the ce_id of the newest later event about the same
    resource, None when there is none."""

    ce_id: str
    person_key: str
    subject: str
    type: str
    sector: str
    place: str
    organisation: str
    happened: datetime
    received: datetime
    sequence: int
    summary: str
    status: str
    resource_type: str
    resource_id: str
    standing: Standing
    corrected_by: str | None


def timeline(connection: Connection, person_key: str) -> list[Entry]:
    """What happened to a person, oldest first; at one moment, in the order in which the hub accepted it.

    `person_key` is any key the person has ever had.
    """
    query = select(table).where(table.c.person_key == resolve(connection, person_key))
    rows = connection.execute(query.order_by(table.c.happened, table.c.sequence)).all()
    newest = _newest_by_resource(connection, {row.resource_id for row in rows if row.resource_id})
    return [_entry(row, newest.get(row.resource_id)) for row in rows]


def applied_at(connection: Connection, ce_ids: Collection[str]) -> Mapping[str, datetime]:
    """When each of these events was applied (UTC); those that were not are left out."""
    wanted, found = sorted(ce_ids), {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = table.c.ce_id.in_(wanted[start : start + _AT_ONCE])
        query = select(table.c.ce_id, func.min(table.c.applied).label("applied")).where(some).group_by(table.c.ce_id)
        found.update({row.ce_id: row.applied for row in connection.execute(query)})
    return found


def _newest_by_resource(connection: Connection, resources: Collection[str]) -> dict[str, Row[*tuple[Any, ...]]]:
    wanted = sorted(resources)
    newest: dict[str, Row[*tuple[Any, ...]]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = table.c.resource_id.in_(wanted[start : start + _AT_ONCE])
        query = select(table.c.resource_id, table.c.sequence, table.c.ce_id, table.c.status).where(some)
        newest.update({row.resource_id: row for row in connection.execute(query.order_by(table.c.sequence))})
    return newest


def _entry(row: Row[*tuple[Any, ...]], newest: Row[*tuple[Any, ...]] | None) -> Entry:
    later = newest if newest is not None and newest.sequence > row.sequence else None
    if (later.status if later is not None else row.status) in WITHDRAWN:
        standing = Standing.WITHDRAWN
    else:
        standing = Standing.UPDATED if later is not None else Standing.CURRENT
    return Entry(
        standing=standing,
        corrected_by=later.ce_id if later is not None else None,
        **{name: getattr(row, name) for name in Entry.__slots__ if name not in ("standing", "corrected_by")},
    )
