"""Dead letters that are taken in again, inside the transaction that keeps them: under the id that they came under, in
their old place in the order of arrival, and closed together with what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from gateway.delivery import Status
from gateway.store.auditing import note
from gateway.store.bulk import any_of
from gateway.store.entry import Earlier, Entry
from gateway.store.keeping import REMEMBERED_SECONDS, Kept, NamedBy
from gateway.store.models import dead_letter
from gateway.store.refusals import CLOSED, OPEN

RETRIED = "dead-letter-retried"


def take_up_letters(
    connection: Connection, entries: Sequence[Entry], now: datetime
) -> tuple[list[Entry], dict[str, Kept]]:
    """Locks dead letters that are open. One that is so no longer, or comes twice, answers as a repeat, and nothing is
    done with it."""
    letters: dict[str, Entry] = {}
    for entry in entries:
        if entry.keeping.retries:
            letters.setdefault(entry.keeping.retries.letter, entry)
    if not letters:
        return [], {}
    rows = connection.execute(
        select(
            dead_letter.c.id,
            dead_letter.c.key_hash,
            dead_letter.c.number,
            dead_letter.c.named_by,
            dead_letter.c.comparable,
        )
        .where(any_of(connection, dead_letter.c.id, letters.keys()), dead_letter.c.status == OPEN)
        .order_by(dead_letter.c.id)
        .with_for_update()
    )
    found = {row.id: _as_it_came(letters[row.id], row, now) for row in rows}
    taken = {entry.id for entry in found.values()}
    done = {
        e.id: Kept(e.keeping.retries.letter, e.keeping.received, Status.REPLAYED)
        for e in entries
        if e.keeping.retries and e.id not in taken
    }
    return [found[id_] for id_ in letters if id_ in found], done


def settle_letters(connection: Connection, entries: Sequence[Entry], kept: Mapping[str, Kept], now: datetime) -> None:
    """Closes the letters that are refused no more, and notes of each what became of it. One whose message had been
    accepted under this id before became nothing new."""
    for entry in entries:
        retry, result = entry.keeping.retries, kept[entry.id]
        if retry is None:
            raise TypeError("only a dead letter that is retried is settled as one")
        outcome = "conflict" if result.conflict else "refused" if result.refused else str(result.status)
        if not (result.conflict or result.refused):
            became = None if result.status is Status.REPLAYED else result.id
            connection.execute(
                dead_letter.update()
                .where(dead_letter.c.id == retry.letter)
                .values(status=CLOSED, closed=now, message=became)
            )
        told = {"message": result.id} if outcome in ("accepted", "waiting", "replayed") else {}
        note(connection, retry.actor, RETRIED, retry.letter, now, outcome=outcome, **told)


def _as_it_came(entry: Entry, letter: Any, now: datetime) -> Entry:
    """Of a request id or key only its HMAC is kept. A message that can be decoded today may have an id of its own."""
    keeping = entry.keeping
    earlier = Earlier(letter.number or 0, now)
    if letter.named_by == NamedBy.REQUEST:
        keeping = replace(
            keeping, comparable=bytes(letter.comparable), remember=REMEMBERED_SECONDS, named_by=NamedBy.REQUEST
        )
    elif letter.named_by == NamedBy.KEY and keeping.named_by is NamedBy.CONTENT:
        keeping = replace(keeping, remember=REMEMBERED_SECONDS, named_by=NamedBy.KEY)
    else:
        return replace(entry, earlier=earlier)
    return replace(entry, keeping=keeping, key_hash=bytes(letter.key_hash), earlier=earlier)
