"""The hub's tables, the same on SQLite and PostgreSQL. Alembic's migrations/hub is made from them.

Identifiers stand here only as HMACs. Clear values stand only in bodies: columns named `body`, each with the codec it is
compressed by and the id of the key it is encrypted under (empty: not encrypted). Times are UTC.

    place ── pack_pin
    source ── credential            message ── event ── outbox ── (topic, partition, offset)
                                      │  └─ message_key (what is a repeat)
    person (→ person) ── person_flag    dead_letter    waiting ── resource_state    batch ── batch_row

A person key points at the key that took its place: a local identity at that of its NHS number once they were linked, a
merged person at the one that remains. Rows that are written on every message refer to each other without foreign keys,
which would cost more than the insert itself; `keep` is the one place that writes them.

register     places, sources, credentials          traffic      messages and files in, events out, what waits
persons      keys, flags, where events went        operations   dead letters, replays, leases, the audit trail
"""

from __future__ import annotations

from gateway.store.models.columns import UtcDateTime, metadata
from gateway.store.models.operations import GROUPS, SHARDS, audit, dead_letter, heartbeat, relay_lease, replay
from gateway.store.models.persons import person, person_flag, person_topic
from gateway.store.models.register import (
    credential,
    installation,
    organisation_place,
    pack_pin,
    place,
    sharing_rule,
    source,
)
from gateway.store.models.traffic import (
    batch,
    batch_row,
    counter,
    event,
    event_sequence,
    message,
    message_key,
    outbox,
    resource_state,
    waiting,
)

__all__ = [
    "GROUPS",
    "SHARDS",
    "UtcDateTime",
    "audit",
    "batch",
    "batch_row",
    "counter",
    "credential",
    "dead_letter",
    "event",
    "event_sequence",
    "heartbeat",
    "installation",
    "message",
    "message_key",
    "metadata",
    "organisation_place",
    "outbox",
    "pack_pin",
    "person",
    "person_flag",
    "person_topic",
    "place",
    "relay_lease",
    "replay",
    "resource_state",
    "sharing_rule",
    "source",
    "waiting",
]
