"""Person flags: rules that hold for everything about a person, whichever source set them, until they are lifted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from gateway.source import Source
from gateway.store.auditing import audit_row
from gateway.store.bulk import any_of, insert_rows
from gateway.store.models import audit, person_flag
from gateway.store.persons import roots_of
from mappings.stages import FlagChange


@dataclass(slots=True)
class Flags:
    """The flags of a group's persons, by root key, each as (rule, the source that set it).

    `raised` collects the persons who came under a rule during the group: what is stored of them must be gone through.
    """

    held: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    raised: set[str] = field(default_factory=set)
    _added: list[tuple[str, str, str]] = field(default_factory=list)
    _removed: list[tuple[str, str, str]] = field(default_factory=list)
    _noted: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)

    def rules(self, key: str) -> frozenset[str]:
        """The rules that hold for the person with this root key."""
        held = self.held.get(key)
        return frozenset(rule for rule, _ in held) if held else frozenset()

    def change(self, key: str, changes: Iterable[FlagChange], source: Source) -> None:
        """Sets or lifts flags. Only the source that set a flag lifts it, or one registered as authority."""
        held = self.held.setdefault(key, set())
        for change in changes:
            if change.on:
                self._add(key, change.rule, source.id, source.id)
                continue
            for rule, by in sorted(held):
                if rule == change.rule and (by == source.id or source.authority):
                    held.remove((rule, by))
                    self._removed.append((key, rule, by))
                    self._noted.append((source.id, "flag-lifted", key, {"rule": rule, "set-by": by}))

    def follow(self, previous: str, current: str, source: Source) -> None:
        """Two keys became one person: what held for either holds for that one, and for all that is stored of both."""
        for rule, by in sorted(self.held.get(previous, ())):
            self._add(current, rule, by, source.id)
        if self.held.get(current):
            self.raised.add(current)

    def _add(self, key: str, rule: str, by: str, actor: str) -> None:
        held = self.held.setdefault(key, set())
        if (rule, by) in held:
            return
        if rule not in self.rules(key):
            self.raised.add(key)
        held.add((rule, by))
        self._added.append((key, rule, by))
        self._noted.append((actor, "flag-set", key, {"rule": rule, "set-by": by}))

    def save(self, connection: Connection, now: datetime) -> None:
        """Writes what changed, and its audit."""
        if self._removed:
            connection.execute(person_flag.delete().where(or_(*(_is(*row) for row in self._removed))))
        stay = [row for row in dict.fromkeys(self._added) if row[1:] in self.held[row[0]]]
        insert_rows(connection, person_flag, [_row(*row, now) for row in stay])
        noted = [audit_row(actor, action, key, now, detail) for actor, action, key, detail in self._noted]
        insert_rows(connection, audit, noted)


def load_flags(connection: Connection, keys: Collection[str]) -> Flags:
    """The flags of these persons, by root key. Who is to change them locks the persons first."""
    flags = Flags()
    if keys:
        rows = connection.execute(select(person_flag).where(any_of(connection, person_flag.c.person_key, keys)))
        for row in rows:
            flags.held.setdefault(row.person_key, set()).add((row.rule, row.source))
    return flags


def rules_today(connection: Connection, keys: Collection[str]) -> dict[str, frozenset[str]]:
    """The rules that hold today for the persons whom these keys stand for, by key; those with none are left out."""
    roots = roots_of(connection, keys)
    flags = load_flags(connection, set(roots.values()))
    return {key: rules for key, root in roots.items() if (rules := flags.rules(root))}


def _is(key: str, rule: str, by: str) -> ColumnElement[bool]:
    return and_(person_flag.c.person_key == key, person_flag.c.rule == rule, person_flag.c.source == by)


def _row(key: str, rule: str, by: str, now: datetime) -> dict[str, Any]:
    return {"person_key": key, "rule": rule, "source": by, "since": now}
