"""Where else an event goes: to another place only where a sharing rule says so, and never when it is restricted.

Which place an organisation belongs to is remembered while the gateway runs. Rules, and that an organisation was not
found, are believed for a few seconds only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from contract.identifiers import ODS_ORGANISATION_SYSTEM
from contract.topics import Topic
from gateway.source import Source
from gateway.store.bulk import any_of
from gateway.store.models import organisation_place, sharing_rule
from gateway.store.publication import event_topic
from mappings.stages import Draft

BELIEVED: Final = timedelta(seconds=5)

EVERY_TYPE: Final = "*"
"""In a rule's event types: all of them."""


@dataclass(frozen=True, slots=True)
class _Rule:
    to_place: str
    event_types: frozenset[str]
    until: datetime | None

    def covers(self, event_type: str, now: datetime) -> bool:
        typed = event_type in self.event_types or EVERY_TYPE in self.event_types
        return typed and (self.until is None or now < self.until)


@dataclass(slots=True)
class Sharing:
    """Asked inside the transaction that keeps a message; one for each gateway process."""

    _rules: dict[tuple[str, str], list[_Rule]] = field(default_factory=dict)
    _places: dict[str, str | None] = field(default_factory=dict)
    _believed_until: datetime | None = None

    def refresh(self, connection: Connection, now: datetime) -> None:
        """Reads the rules again when they have been believed for long enough."""
        if self._believed_until is not None and now < self._believed_until:
            return
        rules: dict[tuple[str, str], list[_Rule]] = {}
        for row in connection.execute(select(sharing_rule)):
            rule = _Rule(row.to_place, frozenset(row.event_types), row.until)
            rules.setdefault((row.from_place, row.sector), []).append(rule)
        self._rules = rules
        self._places = {code: place for code, place in self._places.items() if place is not None}
        self._believed_until = now + BELIEVED

    def places(self, connection: Connection, draft: Draft, source: Source, now: datetime) -> tuple[str, ...]:
        """The other places this event reaches, in alphabetical order."""
        rules = self._rules.get((source.place, source.sector), ())
        allowed = {r.to_place for r in rules if r.covers(draft.type, now)} - {source.place}
        if draft.restricted or not allowed:
            return ()
        organisations = {*draft.addressed_to, *general_practices(draft.body)}
        self._look_up(connection, organisations - self._places.keys())
        return tuple(sorted(allowed & {place for code in organisations if (place := self._places.get(code))}))

    def topics(self, connection: Connection, draft: Draft, source: Source, now: datetime) -> tuple[Topic, ...]:
        """Where this event goes, the topic of the source's own place first."""
        own = event_topic(source.place, source.sector, restricted=draft.restricted)
        return (own, *(event_topic(place, source.sector) for place in self.places(connection, draft, source, now)))

    def _look_up(self, connection: Connection, organisations: Iterable[str]) -> None:
        unknown = list(organisations)
        if unknown:
            rows = connection.execute(
                select(organisation_place).where(any_of(connection, organisation_place.c.organisation, unknown))
            )
            self._places.update(dict.fromkeys(unknown))
            self._places.update((row.organisation, row.place) for row in rows)


def general_practices(body: bytes) -> set[str]:
    """ODS codes of the practices that a bundle's patients are registered with."""
    entries: list[dict[str, Any]] = json.loads(body).get("entry", [])
    resources = [entry.get("resource", {}) for entry in entries]
    named = [
        reference.get("identifier", {})
        for patient in resources
        if patient.get("resourceType") == "Patient"
        for reference in patient.get("generalPractitioner", ())
    ]
    return {i["value"] for i in named if i.get("system") == ODS_ORGANISATION_SYSTEM and "value" in i}
