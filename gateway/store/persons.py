"""Which person key an event gets, and how keys come to stand for one person.

Keys form a forest: a local identity points at the key of its NHS number once the two were linked, a merged person at
the one that remains. The key of an event is the root of what its message claims. All keys of a group of messages are
locked first, in key order; what then happens to them is decided in memory, message by message, and saved once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select, text

from contract.links import PersonLink
from gateway.store.bulk import any_of, insert_rows, on_postgres, upsert_returning
from gateway.store.entry import Claim
from gateway.store.faults import Contended
from gateway.store.models import person


@dataclass(slots=True)
class Person:
    """One key while a group is being kept. `national`: made from an NHS number."""

    key: str
    national: bool
    merged_into: str | None = None
    flagged: bool = False
    new: bool = False
    changed: bool = False


class People:
    """The keys of a group of messages, all locked."""

    def __init__(self, found: Iterable[Person] = ()) -> None:
        self._persons = {p.key: p for p in found}

    def __contains__(self, key: str) -> bool:
        return key in self._persons

    def __getitem__(self, key: str) -> Person:
        return self._persons[key]

    def add(self, found: Iterable[Person]) -> None:
        self._persons.update((p.key, p) for p in found)

    def root(self, key: str) -> str:
        """The key that stands for this one today."""
        while (into := self._persons[key].merged_into) is not None:
            key = into
        return key

    def flagged(self) -> set[str]:
        return {p.key for p in self._persons.values() if p.flagged}

    def mark(self, key: str, *, flagged: bool) -> None:
        """Writes down whether the person has flags."""
        found = self._persons[key]
        found.changed = found.changed or found.flagged != flagged
        found.flagged = flagged

    def roots_unknown(self) -> set[str]:
        """Keys pointed at that are not locked yet."""
        return {p.merged_into for p in self._persons.values() if p.merged_into and p.merged_into not in self._persons}

    def of(self, claim: Claim) -> tuple[str, PersonLink | None]:
        """The key of a claim, and the link that becomes known by it.

        A local identity that was used before and now comes with an NHS number is linked to it. If it was linked to
        another number, it alone is unlinked and linked anew: two numbers are never made one by it.
        """
        if claim.own is None or claim.national is None:
            key, national = (claim.national, True) if claim.national else (claim.own or claim.fallback, False)
            self._ensure(key, national)
            return self.root(key), None
        self._ensure(claim.national, True)
        target = self.root(claim.national)
        if claim.own not in self._persons:
            self._ensure(claim.own, False).merged_into = claim.national
            return target, None
        current = self.root(claim.own)
        if current == target:
            return target, None
        if self._persons[current].national:
            self._point(claim.own, claim.national)
            return target, PersonLink(claim.own, target, withdrawn=current)
        self._point(current, claim.national)
        return target, PersonLink(current, target)

    def merge(self, prior: Claim, into: Claim, *, authority: bool) -> PersonLink | None:
        """Records that the prior person is no more, and says which key is replaced; None when both are one already.

        What moves is the sender's own identity of the prior person. The key of an NHS number gives way only to another
        number, on the word of an authority: what one trust merges does not move the events of all others.
        """
        gone, stays = self.root(prior.named[0]), self.root(into.named[0])
        if gone == stays:
            return self._turned_round(prior, into, stays)
        if authority and self._persons[gone].national and self._persons[stays].national:
            self._point(gone, stays)
            return PersonLink(gone, stays)
        if prior.own is None:
            return None
        self._point(prior.own, stays)
        return PersonLink(prior.own, stays, withdrawn=None if gone == prior.own else gone)

    def changes(self) -> tuple[list[Person], list[Person]]:
        """Those to insert and those to update."""
        everybody = sorted(self._persons.values(), key=lambda p: p.key)
        return [p for p in everybody if p.new], [p for p in everybody if p.changed and not p.new]

    def _turned_round(self, prior: Claim, into: Claim, shared: str) -> PersonLink | None:
        """A merge the other way round: the one that was merged before is now the one that stays."""
        if into.own is None or shared != prior.own or shared == into.own:
            return None
        self._persons[into.own].merged_into = None
        self._persons[into.own].changed = True
        self._point(prior.own, into.own)
        return PersonLink(prior.own, into.own)

    def _ensure(self, key: str, national: bool) -> Person:
        return self._persons.setdefault(key, Person(key, national, new=True))

    def _point(self, key: str, into: str) -> None:
        self._persons[key].merged_into = into
        self._persons[key].changed = True


def lock_people(connection: Connection, keys: Iterable[str]) -> People:
    """Locks these keys, and those that stand for them, until the commit: nobody draws a number for their persons
    meanwhile."""
    people = People()
    asked: set[str] = set()
    wanted = set(keys)
    while wanted:
        people.add(_lock(connection, sorted(wanted)))
        asked |= wanted
        wanted = people.roots_unknown() - asked
    return people


_ON_POSTGRES: Final = (
    "SELECT key, national, merged_into, flagged FROM person WHERE key = ANY($1::varchar[]) ORDER BY key FOR UPDATE"
)
_ON_SQLITE: Final = (
    "SELECT key, national, merged_into, flagged FROM person WHERE key IN (SELECT value FROM json_each(?))"
)


def _lock(connection: Connection, keys: list[str]) -> list[Person]:
    """The rows with these keys, locked in key order, so that two transactions cannot deadlock. SQLite has one writer
    and needs no locks."""
    if on_postgres(connection):
        rows = connection.exec_driver_sql(_ON_POSTGRES, (keys,))
    else:
        rows = connection.exec_driver_sql(_ON_SQLITE, (json.dumps(keys),))
    return [Person(key, bool(national), into, bool(flagged)) for key, national, into, flagged in rows]


def save_new(connection: Connection, people: People, now: datetime) -> None:
    """Inserts the keys seen for the first time, which locks them. Raises Contended when another transaction was first;
    that comes before any sequence number is drawn."""
    new, _ = people.changes()
    rows = [
        {"key": p.key, "national": p.national, "merged_into": p.merged_into, "flagged": p.flagged, "created": now}
        for p in new
    ]
    if not on_postgres(connection):
        insert_rows(connection, person, rows)
    elif rows:
        tail = "ON CONFLICT DO NOTHING RETURNING key"
        if len(upsert_returning(connection, person, rows, tail, order="key").fetchall()) < len(rows):
            raise Contended


def save_changed(connection: Connection, people: People) -> None:
    _, changed = people.changes()
    if changed:
        connection.execute(
            person.update()
            .where(person.c.key == bindparam("of"))
            .values(merged_into=bindparam("into"), flagged=bindparam("flag")),
            [{"of": p.key, "into": p.merged_into, "flag": p.flagged} for p in changed],
        )


def roots_of(connection: Connection, keys: Collection[str]) -> dict[str, str]:
    """The key that stands for each of these today."""
    into: dict[str, str | None] = {}
    wanted = set(keys)
    while wanted:
        rows = connection.execute(
            select(person.c.key, person.c.merged_into).where(any_of(connection, person.c.key, wanted))
        )
        into |= dict.fromkeys(wanted) | {row.key: row.merged_into for row in rows}
        wanted = {key for key in into.values() if key} - into.keys()

    def root(key: str) -> str:
        while above := into[key]:
            key = above
        return key

    return {key: root(key) for key in keys}


def keys_standing_for(connection: Connection, key: str) -> list[str]:
    """This key and all that point at it, near or far."""
    return list(
        connection.execute(
            text(
                "WITH RECURSIVE standing(key) AS (SELECT CAST(:key AS VARCHAR(64)) UNION "
                "SELECT person.key FROM person JOIN standing ON person.merged_into = standing.key) "
                "SELECT key FROM standing"
            ),
            {"key": key},
        ).scalars()
    )
