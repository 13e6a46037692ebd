"""What became of each row of a file, so that a worker that starts over keeps no row twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from gateway.delivery import Status
from gateway.store.bulk import any_of, insert_rows
from gateway.store.entry import Entry, issue_document, issue_documents
from gateway.store.keeping import Kept
from gateway.store.models import batch_row
from gateway.store.refusals import CONFLICT
from gateway.store.repeats import events_of

REFUSED: Final = "refused"


def recorded_rows(connection: Connection, entries: Sequence[Entry]) -> dict[str, Kept]:
    """The answers to rows that were kept before, by entry id. Rows that are taken up again are not meant."""
    fresh = [entry for entry in entries if not entry.keeping.again]
    wanted = {(e.keeping.row.batch, e.keeping.row.number): e for e in fresh if e.keeping.row}
    if not wanted:
        return {}
    rows = connection.execute(
        select(batch_row).where(
            any_of(connection, batch_row.c.batch, {batch for batch, _ in wanted}),
            any_of(connection, batch_row.c.number, {number for _, number in wanted}),
        )
    ).fetchall()
    found = {(row.batch, row.number): row for row in rows if (row.batch, row.number) in wanted}
    events = events_of(connection, {row.message for row in found.values() if row.message and row.status != REFUSED})
    return {
        entry.id: _kept(found[place], entry.keeping.received, events.get(found[place].message, ()))
        for place, entry in wanted.items()
        if place in found
    }


def record_rows(connection: Connection, entries: Sequence[Entry], kept: Mapping[str, Kept]) -> None:
    """Writes down what became of rows; of one that is taken up again, over what stood there."""
    fresh = [entry for entry in entries if not entry.keeping.again]
    insert_rows(connection, batch_row, [_row(entry, kept[entry.id]) for entry in fresh])
    for entry in entries:
        if entry.keeping.again and entry.keeping.row:
            result = kept[entry.id]
            connection.execute(
                batch_row.update()
                .where(batch_row.c.batch == entry.keeping.row.batch, batch_row.c.number == entry.keeping.row.number)
                .values(status=_status(result), message=result.id, issues=_issues(entry, result))
            )


def _row(entry: Entry, result: Kept) -> dict[str, Any]:
    place = entry.keeping.row
    if place is None:
        raise TypeError("only a row of a file is recorded as one")
    return {
        "batch": place.batch,
        "number": place.number,
        "status": _status(result),
        "message": result.id,
        "issues": _issues(entry, result),
    }


def _status(result: Kept) -> str:
    return REFUSED if result.refused or result.conflict else str(result.status)


def _issues(entry: Entry, result: Kept) -> list[dict[str, object]] | None:
    if result.conflict:
        return [issue_document(CONFLICT)]
    return issue_documents(entry.keeping) if result.refused else None


def _kept(row: Any, received: datetime, events: tuple[Any, ...]) -> Kept:
    refused = row.status == REFUSED
    return Kept(row.message, received, Status.ACCEPTED if refused else Status(row.status), events, refused=refused)
