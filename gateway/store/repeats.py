"""What was sent before: message ids are claimed, and whoever comes second is a repeat or a conflict."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from gateway.delivery import ReceiptEvent, Status
from gateway.store.bulk import any_of, on_postgres, sqlite_time, upsert_returning, upsert_rows
from gateway.store.entry import Entry
from gateway.store.keeping import Kept, Refused
from gateway.store.models import event, message, message_key, outbox


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a message id."""

    message: str
    comparable: bytes


@dataclass(frozen=True, slots=True)
class Settled:
    """`fresh` are to be kept; `refused` too, as dead letters; `conflicts` have an id that stands for other content;
    `repeats` are paired with the id of the message they repeat, which may be one of `fresh`. `owed` are hashes of new
    ids that have an open dead letter."""

    fresh: tuple[Entry, ...]
    refused: tuple[Entry, ...]
    conflicts: tuple[Entry, ...]
    repeats: tuple[tuple[Entry, str], ...]
    owed: frozenset[bytes]


def settle_repeats(connection: Connection, entries: Sequence[Entry], now: datetime) -> Settled:
    """Tells new messages from repeats and conflicts, in the order of arrival, and claims the ids of the new ones, which
    are remembered from now on.

    A refused message claims nothing: a corrected one may use its id.
    """
    claims: dict[bytes, Entry] = {}
    for entry in entries:
        if not isinstance(entry.keeping.outcome, Refused):
            claims.setdefault(entry.key_hash, entry)
    claimed = _claim(connection, claims.values(), now)
    known = _known(connection, {e.key_hash for e in entries} - claimed.keys())
    fresh: list[Entry] = []
    refused: list[Entry] = []
    conflicts: list[Entry] = []
    repeats: list[tuple[Entry, str]] = []
    for entry in entries:
        first = _first(entry, claims, known, claimed)
        if first is None:
            (refused if isinstance(entry.keeping.outcome, Refused) else fresh).append(entry)
        elif first.message == entry.id:
            fresh.append(entry)
        elif first.comparable == entry.keeping.comparable:
            repeats.append((entry, first.message))
        elif isinstance(entry.keeping.outcome, Refused):
            refused.append(entry)
        else:
            conflicts.append(entry)
    owed = frozenset(key_hash for key_hash, has_letter in claimed.items() if has_letter)
    return Settled(tuple(fresh), tuple(refused), tuple(conflicts), tuple(repeats), owed)


def receipts(connection: Connection, ids: Collection[str]) -> dict[str, Kept]:
    """What the senders of these messages were answered, as repeats of it."""
    if not ids:
        return {}
    stored = connection.execute(select(message.c.id, message.c.received).where(any_of(connection, message.c.id, ids)))
    events = events_of(connection, ids)
    return {row.id: Kept(row.id, row.received, Status.REPLAYED, events.get(row.id, ())) for row in stored}


def events_of(connection: Connection, ids: Collection[str]) -> dict[str, tuple[ReceiptEvent, ...]]:
    """The events of these messages with their topics, in order; what came of mapping them again is in no receipt."""
    rows = connection.execute(
        select(event.c.message, event.c.id, event.c.type, outbox.c.topic)
        .join(outbox, outbox.c.event == event.c.id)
        .where(any_of(connection, event.c.message, ids), event.c.pack_version.is_(None))
        .order_by(event.c.message, event.c.number, outbox.c.id)
    )
    found: dict[str, dict[str, tuple[str, list[str]]]] = {}
    for row in rows:
        found.setdefault(row.message, {}).setdefault(row.id, (row.type, []))[1].append(row.topic)
    return {
        of: tuple(ReceiptEvent(id_, type_, tuple(topics)) for id_, (type_, topics) in events.items())
        for of, events in found.items()
    }


def _first(
    entry: Entry, claims: dict[bytes, Entry], known: dict[bytes, Known], claimed: dict[bytes, bool]
) -> Known | None:
    """Who holds this entry's id: somebody of an earlier group, or the first of this one."""
    if entry.key_hash in claimed:
        holder = claims[entry.key_hash]
        return Known(holder.id, holder.keeping.comparable)
    return known.get(entry.key_hash)


def _claim(connection: Connection, entries: Collection[Entry], now: datetime) -> dict[bytes, bool]:
    """Claims the ids that nobody holds or that are forgotten; on PostgreSQL waits for whoever is claiming one now.

    Says of each that was claimed whether it has an open dead letter.
    """
    rows = [
        {
            "source": e.source.id,
            "key_hash": e.key_hash,
            "comparable": e.keeping.comparable,
            "message": e.id,
            "until": now + timedelta(seconds=e.keeping.remember),
        }
        for e in entries
    ]
    if not rows:
        return {}
    if not on_postgres(connection):
        return _claim_on_sqlite(connection, rows, now)
    claimed = upsert_returning(connection, message_key, rows, _ON_POSTGRES, order="key_hash", more=(now,))
    return {bytes(row.key_hash): row.owed for row in claimed}


_TAIL: Final = (
    "ON CONFLICT (key_hash) DO UPDATE SET comparable = excluded.comparable, message = excluded.message, "
    "until = excluded.until"
)
_ON_POSTGRES: Final = (
    f"{_TAIL} WHERE message_key.until < {{1}} RETURNING key_hash, EXISTS "
    "(SELECT FROM dead_letter WHERE dead_letter.key_hash = message_key.key_hash AND status = 'open') AS owed"
)


def _claim_on_sqlite(connection: Connection, rows: list[dict[str, Any]], now: datetime) -> dict[bytes, bool]:
    marks = ", ".join("?" * len(rows))
    hashes = tuple(row["key_hash"] for row in rows)
    held = connection.exec_driver_sql(
        f"SELECT key_hash FROM message_key WHERE until >= ? AND key_hash IN ({marks})",  # noqa: S608 question marks
        (sqlite_time(now), *hashes),
    )
    taken = {bytes(key_hash) for key_hash in held.scalars()}
    free = [row for row in rows if row["key_hash"] not in taken]
    if free:
        upsert_rows(connection, message_key, free, _TAIL)
    letters = connection.exec_driver_sql(
        f"SELECT key_hash FROM dead_letter WHERE status = 'open' AND key_hash IN ({marks})",  # noqa: S608 likewise
        hashes,
    )
    owed = {bytes(key_hash) for key_hash in letters.scalars()}
    return {row["key_hash"]: row["key_hash"] in owed for row in free}


def _known(connection: Connection, hashes: Collection[bytes]) -> dict[bytes, Known]:
    if not hashes:
        return {}
    rows = connection.execute(select(message_key).where(any_of(connection, message_key.c.key_hash, hashes)))
    return {bytes(row.key_hash): Known(row.message, bytes(row.comparable)) for row in rows}
