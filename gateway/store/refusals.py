"""Dead letters: what was received and kept, but could not be turned into events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case
from sqlalchemy.dialects import postgresql, sqlite

from contract.errors import Code, Issue
from gateway.delivery import Status
from gateway.store.bulk import on_postgres
from gateway.store.entry import Entry, issue_document, issue_documents, storable
from gateway.store.fingerprints import fingerprint
from gateway.store.keeping import Kept, NamedBy
from gateway.store.models import dead_letter
from gateway.store.numbers import draw_sequence

OPEN: Final = "open"
CLOSED: Final = "closed"
DISCARDED: Final = "discarded"

CONFLICT: Final = Issue(
    Code.MESSAGE_ID_CONFLICT,
    "",
    "a message with this id and other content was accepted before; this one is not published",
)

_ANY_TIME: Final = datetime.max.replace(tzinfo=UTC)


def keep_refused(connection: Connection, entries: Sequence[Entry]) -> dict[str, Kept]:
    """Keeps each refused message as a dead letter, by entry id. The same bytes again only raise its counter; a dead
    letter that was retried stays, with today's reason; one that waited is found by the id that its sender was told."""
    numbers = _arrivals(connection, entries)
    return {e.id: _keep(connection, e, issue_documents(e.keeping), numbers[e.id]) for e in entries}


def keep_conflicts(connection: Connection, entries: Sequence[Entry]) -> dict[str, Kept]:
    """Keeps messages whose id stands for other content, by entry id."""
    numbers = _arrivals(connection, entries)
    return {
        e.id: replace(_keep(connection, e, [issue_document(CONFLICT)], numbers[e.id]), conflict=True, refused=False)
        for e in entries
    }


def close_resent(connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
    """A good message closes the open dead letters of its id; one that was retried only those that came before it. A
    conflict is closed by hand: nobody knows which of the two was meant."""
    if entries:
        connection.execute(
            dead_letter.update()
            .where(
                dead_letter.c.key_hash == bindparam("of"),
                dead_letter.c.status == OPEN,
                dead_letter.c.code != str(Code.MESSAGE_ID_CONFLICT),
                dead_letter.c.first_received <= bindparam("until"),
            )
            .values(status=CLOSED, closed=now),
            [{"of": e.key_hash, "until": e.keeping.received if e.keeping.retries else _ANY_TIME} for e in entries],
        )


def _arrivals(connection: Connection, entries: Sequence[Entry]) -> dict[str, int]:
    """Their places in the order of arrival, by entry id: those that were here before keep theirs."""
    fresh = iter(draw_sequence(connection, sum(entry.earlier is None for entry in entries)))
    return {entry.id: entry.earlier.number if entry.earlier else next(fresh) for entry in entries}


def _keep(connection: Connection, entry: Entry, issues: list[dict[str, object]], number: int) -> Kept:
    keeping = entry.keeping
    reason = {
        "code": issues[0]["code"] if issues else str(Code.INTERNAL_ERROR),
        "issues": issues,
        "pack": keeping.pack,
        "pack_version": keeping.pack_version,
        "fingerprint": fingerprint(keeping.source.id, keeping.pack, keeping.pack_version, issues),
    }
    if keeping.retries:
        connection.execute(dead_letter.update().where(dead_letter.c.id == keeping.retries.letter).values(**reason))
        return Kept(keeping.retries.letter, keeping.received, Status.ACCEPTED, refused=True)
    insert: Any = (postgresql if on_postgres(connection) else sqlite).insert(dead_letter)
    row = connection.execute(
        insert.values(
            id=entry.id,
            source=keeping.source.id,
            key_hash=entry.key_hash,
            content_hash=keeping.content,
            content_type=storable(keeping.content_type),
            count=1,
            status=OPEN,
            batch=keeping.row.batch if keeping.row else None,
            row=keeping.row.number if keeping.row else None,
            first_received=keeping.received,
            last_received=keeping.received,
            number=number,
            named_by=keeping.named_by,
            comparable=keeping.comparable if keeping.named_by is NamedBy.REQUEST else None,
            **reason,
            **entry.body.columns(),
        )
        .on_conflict_do_update(
            index_elements=["source", "key_hash", "content_hash"],
            set_={
                "count": dead_letter.c.count + 1,
                "last_received": insert.excluded.last_received,
                **{name: insert.excluded[name] for name in reason},
                "status": case((dead_letter.c.status == CLOSED, OPEN), else_=dead_letter.c.status),
                "closed": case((dead_letter.c.status == CLOSED, None), else_=dead_letter.c.closed),
                "number": case((dead_letter.c.status == CLOSED, insert.excluded.number), else_=dead_letter.c.number),
                "message": None,
            },
        )
        .returning(dead_letter.c.id, dead_letter.c.first_received)
    ).one()
    return Kept(row.id, row.first_received, Status.ACCEPTED, refused=True)
