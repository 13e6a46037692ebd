"""Keys that mean the same person: what links and merges have said, newest last.

Every row is keyed by where its subject leads now. A link that arrives while another process writes a row of the old key
must not miss that row, so on PostgreSQL each subject's keys are locked: shared by rows, alone by links. SQLite has one
writer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from consumers.event import Event
from consumers.faults import PermanentFault
from consumers.models import timeline, timeline_alias
from contract.links import PERSON_LINKED, PERSON_MERGED, PersonLink, link_of

RELINKING: Final = frozenset({PERSON_LINKED, PERSON_MERGED})
"""Types of events whose Bundle says which key replaces which."""

_LOCK_SPACE: Final = 0x74696D65
_LOCK_SHARED: Final = text("SELECT pg_advisory_xact_lock_shared(:space, hashtext(:key))")
_LOCK_ALONE: Final = text("SELECT pg_advisory_xact_lock(:space, hashtext(:key))")
_NEXT: Final = select(timeline_alias.c.new_key).where(timeline_alias.c.old_key == bindparam("key"))


def resolve(connection: Connection, subject: str) -> str:
    """The key that stands for the person now; `subject` itself when nobody said otherwise."""
    return _follow(connection, subject, _lock_shared)


def relink(connection: Connection, event: Event) -> None:
    """Takes in a link or merge: aliases the old key and re-keys its rows, unless something newer was said already."""
    link = _link_in(event)
    old, new = link.previous, link.current
    if old == new:
        return
    sequence = event.envelope.sequence
    _lock_alone(connection, old)
    target = _follow(connection, new, _lock_shared)
    if target == old:
        # so far it led the other way round; the newer statement counts
        if not _forget(connection, new, sequence):
            return
        target = new
    if _remember(connection, old, target, sequence):
        behind = timeline.c.subject.in_(_keys_behind(connection, target))
        rekeyed = update(timeline).where(behind, timeline.c.person_key != target)
        connection.execute(rekeyed.values(person_key=target))


def _link_in(event: Event) -> PersonLink:
    try:
        link = link_of(event.bundle)
    except (ValueError, KeyError):
        link = None
    if link is None:
        raise PermanentFault("no-keys-in-link")
    return link


def _follow(connection: Connection, key: str, lock: Callable[[Connection, str], None]) -> str:
    seen = {key}
    while True:
        lock(connection, key)
        following = connection.execute(_NEXT, {"key": key}).scalar_one_or_none()
        if following is None or following in seen:
            return key
        seen.add(following)
        key = following


def _forget(connection: Connection, old: str, sequence: int) -> bool:
    _lock_alone(connection, old)
    older = delete(timeline_alias).where(timeline_alias.c.old_key == old, timeline_alias.c.sequence < sequence)
    return connection.execute(older.returning(timeline_alias.c.old_key)).first() is not None


def _remember(connection: Connection, old: str, new: str, sequence: int) -> bool:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(timeline_alias).values(old_key=old, new_key=new, sequence=sequence)
    statement = statement.on_conflict_do_update(
        index_elements=[timeline_alias.c.old_key],
        set_={"new_key": new, "sequence": sequence},
        where=timeline_alias.c.sequence < sequence,
    )
    return connection.execute(statement.returning(timeline_alias.c.old_key)).first() is not None


def _keys_behind(connection: Connection, key: str) -> set[str]:
    """`key`, and every key that leads to it."""
    behind, latest = {key}, {key}
    while latest:
        query = select(timeline_alias.c.old_key).where(timeline_alias.c.new_key.in_(sorted(latest)))
        latest = set(connection.execute(query).scalars()) - behind
        behind |= latest
    return behind


def _lock_shared(connection: Connection, key: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK_SHARED, {"space": _LOCK_SPACE, "key": key})


def _lock_alone(connection: Connection, key: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK_ALONE, {"space": _LOCK_SPACE, "key": key})
