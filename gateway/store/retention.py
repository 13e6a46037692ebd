"""What is kept for how long: each kind with how it is found and how it goes.

A page at a time, by keys that grow with time, in a transaction that is over at once: the hot path waits for none of it.
Who a person is (person, person_flag, resource_state) is kept for good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Select, func, select

from contract.event import rfc3339
from gateway.store.auditing import note
from gateway.store.counters import raise_counter
from gateway.store.models import audit, batch, counter, dead_letter, message
from gateway.store.old_rows import (
    Due,
    due_audit,
    due_files,
    due_heartbeats,
    due_keys,
    due_letters,
    remove_audit,
    remove_files,
    remove_heartbeats,
    remove_keys,
    remove_letters,
)
from gateway.store.refusals import CLOSED, DISCARDED
from gateway.store.retired import (
    due_bodies,
    due_links,
    due_messages,
    remove_bodies,
    remove_events,
    remove_messages,
)

PAGE: Final = 250
RUN: Final = "retention-run"
SUBJECT: Final = "retention"
_NEXT: Final = "retention-next"
_HEARTBEATS: Final = timedelta(days=1)

DueOf: TypeAlias = Callable[[Connection, datetime, datetime, Any, int], Due]
"""Of so many rows at most, those that are due: older than the first moment, looked at now, after a page's `last`."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long each kind is kept; letters from when they were closed, files from when they were done."""

    bodies: timedelta
    messages: timedelta
    letters: timedelta
    files: timedelta
    audit: timedelta


@dataclass(frozen=True, slots=True)
class Kind:
    """`setting` names the environment variable; `oldest` asks for the time of the oldest row."""

    name: str
    setting: str
    lifetime: Callable[[Lifetimes], timedelta]
    due: DueOf
    remove: Callable[[Connection, Sequence[Any]], Mapping[str, int]]
    oldest: Select[Any] | None = None


@dataclass(frozen=True, slots=True)
class LastRun:
    """`removed` counts rows by kind; `oldest` are times as text, of what was left then; `left` whether it did not come
    to an end."""

    at: datetime
    removed: Mapping[str, int]
    oldest: Mapping[str, str]
    left: bool


def look_for_due(
    connection: Connection, kind: Kind, lifetimes: Lifetimes, now: datetime, after: Any, limit: int = PAGE
) -> tuple[int, Any]:
    """How many of a page are due, and where the next begins."""
    found = kind.due(connection, now - kind.lifetime(lifetimes), now, after, limit)
    return len(found.rows), found.last


def remove_due(
    connection: Connection, kind: Kind, lifetimes: Lifetimes, now: datetime, after: Any, limit: int = PAGE
) -> tuple[Counter[str], Any]:
    """Removes what is due of a page: how many rows of which kind, and where the next page begins."""
    found = kind.due(connection, now - kind.lifetime(lifetimes), now, after, limit)
    return Counter(kind.remove(connection, found.rows) if found.rows else {}), found.last


def take_turn(connection: Connection, now: datetime, every: timedelta) -> bool:
    """Whether the next run is due, and the caller is the one who does it."""
    raise_counter(connection, _NEXT, 0)
    claimed = connection.execute(
        counter.update()
        .where(counter.c.name == _NEXT, counter.c.value <= now.timestamp())
        .values(value=round((now + every).timestamp()))
    )
    return claimed.rowcount == 1


def note_run(
    connection: Connection, actor: str, now: datetime, removed: Mapping[str, int], *, seconds: float, left: bool
) -> None:
    """On record, with what is the oldest of each kind now."""
    oldest = {name: rfc3339(at) for name, at in oldest_kept(connection).items() if at}
    told = {"removed": dict(removed), "oldest": oldest, "seconds": round(seconds, 1), "left": left}
    note(connection, actor, RUN, SUBJECT, now, **told)


def oldest_kept(connection: Connection) -> dict[str, datetime | None]:
    return {k.name: connection.execute(k.oldest).scalar() for k in KINDS if k.oldest is not None}


def last_run(connection: Connection) -> LastRun | None:
    row = connection.execute(
        select(audit).where(audit.c.subject == SUBJECT).order_by(audit.c.id.desc()).limit(1)
    ).first()
    return LastRun(row.at, row.detail["removed"], row.detail["oldest"], row.detail["left"]) if row else None


def _first(column: Any, by: Any) -> Select[Any]:
    return select(column).order_by(by).limit(1)


KINDS: Final = (
    Kind(
        "messages",
        "CAREHUB_KEEP_MESSAGES_DAYS",
        lambda kept: kept.messages,
        due_messages,
        remove_messages,
        _first(message.c.received, message.c.id),
    ),
    Kind("links", "CAREHUB_KEEP_MESSAGES_DAYS", lambda kept: kept.messages, due_links, remove_events),
    Kind("bodies", "CAREHUB_KEEP_BODIES_DAYS", lambda kept: kept.bodies, due_bodies, remove_bodies),
    Kind(
        "deadLetters",
        "CAREHUB_KEEP_DEAD_LETTERS_DAYS",
        lambda kept: kept.letters,
        due_letters,
        remove_letters,
        select(func.min(dead_letter.c.last_received)).where(dead_letter.c.status.in_((CLOSED, DISCARDED))),
    ),
    Kind(
        "files",
        "CAREHUB_KEEP_FILES_DAYS",
        lambda kept: kept.files,
        due_files,
        remove_files,
        _first(batch.c.received, batch.c.id),
    ),
    Kind(
        "audit",
        "CAREHUB_KEEP_AUDIT_DAYS",
        lambda kept: kept.audit,
        due_audit,
        remove_audit,
        _first(audit.c.at, audit.c.id),
    ),
    Kind("heartbeats", "", lambda _: _HEARTBEATS, due_heartbeats, remove_heartbeats),
    Kind("messageIds", "", lambda _: timedelta(0), due_keys, remove_keys),
)
"""In this order: messages go before what is left of their time is looked through, and the long walk comes last."""
