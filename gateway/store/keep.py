"""Keeping a group of messages: one function, one transaction, everything or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from gateway.delivery import ReceiptEvent, Status
from gateway.store.batch_rows import record_rows, recorded_rows
from gateway.store.bulk import any_of, insert_all
from gateway.store.clock import Clock
from gateway.store.entry import Entry, storable, traceparent_of
from gateway.store.keeping import Accepted, Kept, Refused, Waits
from gateway.store.models import message, message_key
from gateway.store.publish import publish
from gateway.store.refusals import close_resent, keep_conflicts, keep_refused
from gateway.store.repeats import Settled, receipts, settle_repeats
from gateway.store.retries import settle_letters, take_up_letters
from gateway.store.sharing import Sharing
from gateway.store.states import hold_waiting, places_of, stop_waiting


def keep_batch(connection: Connection, entries: Sequence[Entry], sharing: Sharing, clock: Clock) -> list[Kept]:
    """Keeps the messages in the order given and says of each what became of it. What is remembered or waits is timed
    from now on, by that clock.

    1. rows of a file that were kept before answer as they did then
    2. messages that waited and dead letters are taken up again, unless somebody else did
    3. repeats and conflicts are told from new messages
    4. refused messages and conflicts become dead letters
    5. new messages are written down, with their events or with what they wait for
    6. dead letters of ids that are good now are closed, and rows of files recorded
    """
    now = clock(connection)
    kept: dict[str, Kept] = recorded_rows(connection, entries)
    todo = [entry for entry in entries if entry.id not in kept]
    resumed, settled_before = _take_up(connection, [e for e in todo if e.keeping.resumes])
    retried, closed_before = take_up_letters(connection, [e for e in todo if e.keeping.retries], now)
    kept |= settled_before | closed_before
    again = {entry.id: entry for entry in (*resumed, *retried)}
    todo = [again.get(entry.id, entry) for entry in todo if entry.id not in closed_before]
    settled = settle_repeats(connection, [e for e in todo if not e.keeping.resumes], now)
    refused = [e for e in resumed if isinstance(e.keeping.outcome, Refused)]
    _forget_refused(connection, refused)
    kept |= keep_refused(connection, [*settled.refused, *refused])
    kept |= keep_conflicts(connection, settled.conflicts)
    good_ids = {e.id for e in (*settled.fresh, *resumed)} - {e.id for e in refused}
    good = [e for e in todo if e.id in good_ids]
    waits = [e for e in good if isinstance(e.keeping.outcome, Waits)]
    accepted = [e for e in good if isinstance(e.keeping.outcome, Accepted)]
    news = publish(connection, accepted, sharing, now)
    insert_all(connection, (message, [_message_row(entry) for entry in settled.fresh]), *news.inserts)
    hold_waiting(connection, waits, now)
    _accept_resumed(connection, [e for e in accepted if e.keeping.resumes])
    kept |= {e.id: _kept(e, news.events.get(e.id, ())) for e in good}
    kept |= _repeated(connection, settled, kept)
    close_resent(connection, [e for e in good if e.keeping.resumes or e.key_hash in settled.owed], now)
    settle_letters(connection, retried, kept, now)
    record_rows(connection, [e for e in todo if e.keeping.row], kept)
    return [kept[entry.id] for entry in entries]


def _kept(entry: Entry, events: tuple[ReceiptEvent, ...]) -> Kept:
    waits = isinstance(entry.keeping.outcome, Waits)
    return Kept(entry.id, entry.keeping.received, Status.WAITING if waits else Status.ACCEPTED, events)


def _repeated(connection: Connection, settled: Settled, kept: Mapping[str, Kept]) -> dict[str, Kept]:
    """Repeats get the original receipt; the original may be of this very group, or no longer stored."""
    originals = {id_: replace(kept[id_], status=Status.REPLAYED) for _, id_ in settled.repeats if id_ in kept}
    originals |= receipts(connection, {id_ for _, id_ in settled.repeats} - originals.keys())
    return {e.id: originals.get(id_) or Kept(id_, e.keeping.received, Status.REPLAYED) for e, id_ in settled.repeats}


def _take_up(connection: Connection, entries: Sequence[Entry]) -> tuple[list[Entry], dict[str, Kept]]:
    """Locks stored messages that waited, which keep the id that they came under; those that wait no longer answer as
    repeats."""
    if not entries:
        return [], {}
    ids = {entry.id for entry in entries}
    rows = connection.execute(
        select(message.c.id, message.c.key_hash)
        .where(any_of(connection, message.c.id, ids), message.c.status == Status.WAITING)
        .order_by(message.c.id)
        .with_for_update()
    )
    waiting = {row.id: bytes(row.key_hash) for row in rows}
    places = places_of(connection, waiting)
    done = receipts(connection, ids - waiting.keys())
    gone = {e.id: Kept(e.id, e.keeping.received, Status.ACCEPTED, refused=True) for e in entries if e.id not in waiting}
    found = [replace(e, key_hash=waiting[e.id], earlier=places[e.id]) for e in entries if e.id in waiting]
    return found, gone | done


def _forget_refused(connection: Connection, entries: Sequence[Entry]) -> None:
    """A message that waited and is refused in the end becomes a dead letter, and gives its id back."""
    ids = {entry.id for entry in entries}
    if ids:
        stop_waiting(connection, ids)
        connection.execute(
            message_key.delete().where(any_of(connection, message_key.c.key_hash, [e.key_hash for e in entries]))
        )
        connection.execute(message.delete().where(any_of(connection, message.c.id, ids)))


def _accept_resumed(connection: Connection, entries: Sequence[Entry]) -> None:
    for entry in entries:
        connection.execute(
            message.update()
            .where(message.c.id == entry.id)
            .values(status=Status.ACCEPTED, pack=entry.keeping.pack, pack_version=entry.keeping.pack_version)
        )
    stop_waiting(connection, {entry.id for entry in entries})


def _message_row(entry: Entry) -> dict[str, Any]:
    keeping = entry.keeping
    return {
        "id": entry.id,
        "source": keeping.source.id,
        "key_hash": entry.key_hash,
        "content_hash": keeping.content,
        "content_type": storable(keeping.content_type),
        "pack": keeping.pack,
        "pack_version": keeping.pack_version,
        "status": Status.WAITING if isinstance(keeping.outcome, Waits) else Status.ACCEPTED,
        "received": keeping.received,
        "batch": keeping.row.batch if keeping.row else None,
        "row": keeping.row.number if keeping.row else None,
        "traceparent": traceparent_of(keeping),
        **entry.body.columns(),
    }
