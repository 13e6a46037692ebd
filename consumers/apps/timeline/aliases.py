"""Keys that mean the same person: what links and merges have said, newest last.

Every row is keyed by where its subject leads now. A link that arrives while another process writes a row of the old key
must not miss that row, so on PostgreSQL each subject's keys are locked: shared by rows, alone by links; those of a
batch together and in one order, so that two processes do not wait for each other. SQLite has one writer.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import ARRAY, Boolean, Connection, String, bindparam, delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from consumers.event import Event
from consumers.faults import PermanentFault
from consumers.models import timeline, timeline_alias
from contract.links import PERSON_LINKED, PERSON_MERGED, PersonLink, link_of

RELINKING: Final = frozenset({PERSON_LINKED, PERSON_MERGED})
"""Types of events whose Bundle says which key replaces which."""

_LOCK_SPACE: Final = 0x74696D65
_LOCK: Final = text(
    """
    SELECT count(CASE WHEN alone THEN pg_advisory_xact_lock(:space, hash)
                      ELSE pg_advisory_xact_lock_shared(:space, hash) END)
    FROM (SELECT hashtext(key) AS hash, bool_or(is_alone) AS alone
          FROM unnest(:keys, :alone) AS wanted (key, is_alone) GROUP BY 1 ORDER BY 1) AS locks
    """
).bindparams(bindparam("keys", type_=ARRAY(String)), bindparam("alone", type_=ARRAY(Boolean)))
_NEXT: Final = select(timeline_alias.c.old_key, timeline_alias.c.new_key).where(
    timeline_alias.c.old_key.in_(bindparam("keys", expanding=True))
)
_AT_ONCE: Final = 500


def resolve(connection: Connection, subject: str) -> str:
    """The key that stands for the person now; `subject` itself when nobody said otherwise."""
    return resolve_all(connection, {subject})[subject]


def resolve_all(connection: Connection, subjects: Collection[str]) -> dict[str, str]:
    """The same for several, in as many steps as the longest chain has links."""
    leads: dict[str, str] = {}
    asked: set[str] = set()
    asking = set(subjects)
    while asking:
        _lock(connection, shared=asking)
        found = _next_of(connection, asking)
        leads |= found
        asked |= asking
        asking = set(found.values()) - asked
    return {subject: _end_of(subject, leads) for subject in subjects}


def lock_all(connection: Connection, events: Collection[Event], links: Collection[Event]) -> None:
    """Takes the locks of a batch at once. Raises PermanentFault for a link without keys."""
    stated = [_link_in(link) for link in links]
    shared = {event.envelope.subject for event in events} | {link.current for link in stated}
    _lock(connection, shared=shared, alone={link.previous for link in stated})


def relink(connection: Connection, event: Event) -> None:
    """Takes in a link or merge: aliases the old key and re-keys its rows, unless something newer was said already.

    The caller has taken the locks of its batch by `lock_all`.
    """
    link = _link_in(event)
    old, new = link.previous, link.current
    if old == new:
        return
    sequence = event.envelope.sequence
    target = resolve(connection, new)
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


def _next_of(connection: Connection, keys: Collection[str]) -> dict[str, str]:
    ordered = sorted(keys)
    found: dict[str, str] = {}
    for start in range(0, len(ordered), _AT_ONCE):
        rows = connection.execute(_NEXT, {"keys": ordered[start : start + _AT_ONCE]})
        found.update({row.old_key: row.new_key for row in rows})
    return found


def _end_of(key: str, leads: dict[str, str]) -> str:
    seen = {key}
    while (following := leads.get(key, key)) not in seen:
        seen.add(following)
        key = following
    return key


def _forget(connection: Connection, old: str, sequence: int) -> bool:
    _lock(connection, alone={old})
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


def _lock(connection: Connection, *, shared: Collection[str] = (), alone: Collection[str] = ()) -> None:
    if connection.dialect.name == "postgresql":
        keys = [*shared, *alone]
        modes = [False] * len(shared) + [True] * len(alone)
        connection.execute(_LOCK, {"space": _LOCK_SPACE, "keys": keys, "alone": modes})
