"""Dead letters: what was received and kept, but could not be turned into events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, case
from sqlalchemy.dialects import postgresql, sqlite

from contract.errors import Code, Issue
from gateway.delivery import Status
from gateway.store.bulk import any_of, on_postgres
from gateway.store.entry import Entry, issue_document, issue_documents, storable
from gateway.store.keeping import Kept
from gateway.store.models import dead_letter
from gateway.store.numbers import new_id

OPEN: Final = "open"
CLOSED: Final = "closed"
DISCARDED: Final = "discarded"

CONFLICT: Final = Issue(
    Code.MESSAGE_ID_CONFLICT,
    "",
    "a message with this id and other content was accepted before; this one is not published",
)


def keep_refused(connection: Connection, entries: Sequence[Entry]) -> dict[str, Kept]:
    """Keeps each refused message as a dead letter, by entry id. The same bytes again only raise its counter."""
    return {entry.id: _keep(connection, entry, issue_documents(entry.keeping)) for entry in entries}


def keep_conflicts(connection: Connection, entries: Sequence[Entry]) -> dict[str, Kept]:
    """Keeps messages whose id stands for other content, by entry id."""
    return {entry.id: _keep(connection, entry, [issue_document(CONFLICT)], conflict=True) for entry in entries}


def close_resent(connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
    """A good message closes the open dead letters of its id. A conflict is closed by hand: nobody knows which of the
    two was meant."""
    if entries:
        connection.execute(
            dead_letter.update()
            .where(
                any_of(connection, dead_letter.c.key_hash, {entry.key_hash for entry in entries}),
                dead_letter.c.status == OPEN,
                dead_letter.c.code != str(Code.MESSAGE_ID_CONFLICT),
            )
            .values(status=CLOSED, closed=now)
        )


def _keep(connection: Connection, entry: Entry, issues: list[dict[str, object]], *, conflict: bool = False) -> Kept:
    keeping = entry.keeping
    insert: Any = (postgresql if on_postgres(connection) else sqlite).insert(dead_letter)
    row = connection.execute(
        insert.values(
            id=new_id(),
            source=keeping.source.id,
            key_hash=entry.key_hash,
            content_hash=keeping.content,
            content_type=storable(keeping.content_type),
            pack=keeping.pack,
            pack_version=keeping.pack_version,
            code=issues[0]["code"] if issues else str(Code.INTERNAL_ERROR),
            issues=issues,
            count=1,
            status=OPEN,
            batch=keeping.row.batch if keeping.row else None,
            row=keeping.row.number if keeping.row else None,
            first_received=keeping.received,
            last_received=keeping.received,
            **entry.body.columns(),
        )
        .on_conflict_do_update(
            index_elements=["source", "key_hash", "content_hash"],
            set_={
                "count": dead_letter.c.count + 1,
                "last_received": insert.excluded.last_received,
                "code": insert.excluded.code,
                "issues": insert.excluded.issues,
                "pack": insert.excluded.pack,
                "pack_version": insert.excluded.pack_version,
                "status": case((dead_letter.c.status == CLOSED, OPEN), else_=dead_letter.c.status),
                "closed": case((dead_letter.c.status == CLOSED, None), else_=dead_letter.c.closed),
            },
        )
        .returning(dead_letter.c.id, dead_letter.c.first_received)
    ).one()
    return Kept(row.id, row.first_received, Status.ACCEPTED, conflict=conflict, refused=not conflict)
