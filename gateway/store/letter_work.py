"""Dead letters as they are worked: in pages, in the order received, and discarded with a reason on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, exists, func, or_, select

from contract.errors import Code
from gateway.delivery import Row
from gateway.store.auditing import audit_row
from gateway.store.bodies import bytes_of
from gateway.store.bulk import any_of, insert_rows
from gateway.store.models import audit, dead_letter
from gateway.store.refusals import CLOSED, DISCARDED, OPEN

DISCARD = "dead-letter-discarded"


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """What is kept of one letter. `superseded`: a later open letter holds other content under the same message id."""

    id: str
    source: str
    status: str
    code: str
    body: bytes
    content_type: str
    received: datetime
    row: Row | None
    superseded: bool


def kept_letter(connection: Connection, id_: str) -> KeptLetter | None:
    """None when there is no such letter."""
    row = connection.execute(select(dead_letter).where(dead_letter.c.id == id_)).first()
    if row is None:
        return None
    other = dead_letter.alias("later")
    later = select(
        exists().where(
            other.c.key_hash == row.key_hash,
            other.c.status == OPEN,
            other.c.code != str(Code.MESSAGE_ID_CONFLICT),
            other.c.first_received >= row.first_received,
            or_(other.c.first_received > row.first_received, other.c.id > row.id),
        )
    )
    return KeptLetter(
        id=row.id,
        source=row.source,
        status=row.status,
        code=row.code,
        body=bytes_of(row),
        content_type=row.content_type,
        received=row.first_received,
        row=Row(row.batch, row.row) if row.batch else None,
        superseded=bool(connection.execute(later).scalar()),
    )


def open_letters(connection: Connection, group: str, *, after: str | None = None, limit: int) -> list[str]:
    """Ids of a group's open letters in the order received. `after` is the id of the last one of the page before, open
    or not."""
    wanted = [dead_letter.c.fingerprint == group, dead_letter.c.status == OPEN]
    at = dead_letter.c.first_received
    last = after and connection.execute(select(at).where(dead_letter.c.id == after)).scalar()
    if after and last:
        wanted += [at >= last, or_(at > last, and_(at == last, dead_letter.c.id > after))]
    rows = select(dead_letter.c.id).where(*wanted).order_by(at, dead_letter.c.id).limit(limit)
    return list(connection.execute(rows).scalars())


def count_letters(connection: Connection, group: str) -> tuple[int, int]:
    """A group's letters that are open, and all that it has."""
    counted = connection.execute(
        select(dead_letter.c.status, func.count().label("letters"))
        .where(dead_letter.c.status.in_((OPEN, CLOSED, DISCARDED)), dead_letter.c.fingerprint == group)
        .group_by(dead_letter.c.status)
    )
    numbers: dict[str, int] = {row.status: row.letters for row in counted}
    return numbers.get(OPEN, 0), sum(numbers.values())


def discard(connection: Connection, ids: Sequence[str], *, actor: str, reason: str, now: datetime) -> int:
    """Discards those that are open, on record for each; how many they were."""
    open_now = connection.execute(
        select(dead_letter.c.id)
        .where(any_of(connection, dead_letter.c.id, ids), dead_letter.c.status == OPEN)
        .order_by(dead_letter.c.id)
        .with_for_update()
    )
    found = list(open_now.scalars())
    if found:
        connection.execute(
            dead_letter.update().where(any_of(connection, dead_letter.c.id, found)).values(status=DISCARDED, closed=now)
        )
        insert_rows(connection, audit, [audit_row(actor, DISCARD, id_, now, {"reason": reason}) for id_ in found])
    return len(found)
