"""How large an installation must be: arithmetic over what was measured and what is assumed, each named as what it is.

Bytes were measured by `python -m tests.bench.size` (20,000 messages, PostgreSQL 15, SQLite 3, Kafka with one copy), and
rates on a machine of two cores that ran everything, load included. Measure your own where it matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from carehub.composition import GATEWAY_CONNECTIONS
from carehub.processes import RELAY_CONNECTIONS
from contract.topics import PARTITIONS
from gateway.store.keeping import REMEMBERED_SECONDS
from gateway.store.models import GROUPS

GIGABYTE: Final = 1e9


@dataclass(frozen=True, slots=True)
class Bytes:
    """Of one message, in PostgreSQL with indexes: `kept` for as long as messages are (message, event, outbox row),
    `known` its id; `sqlite` both in SQLite's file; `kafka` its event in one copy of a topic."""

    kept: int
    known: int
    sqlite: int
    kafka: int


ADMISSION: Final = Bytes(kept=6332, known=238, sqlite=6665, kafka=15746)
REPORT: Final = Bytes(kept=6316, known=235, sqlite=6290, kafka=16422)
LETTER: Final = Bytes(kept=6592, known=246, sqlite=6237, kafka=16481)
PERSON: Final = 512
"""With the keys that lead to it; kept for good."""

GATEWAY_RATE: Final = 500
"""Messages that one gateway makes durable in a second, by HTTP."""

RELAY_RATE: Final = 1000
"""Events of 15 kB that one relay publishes in a second."""

STORE_RATE: Final = 10_000
"""Messages that one PostgreSQL keeps in a second, in groups of 20 and more; of a prototype of `keep` alone."""

DOCUMENT_STORED: Final = 2.05
DOCUMENT_IN_KAFKA: Final = 4 / 3
"""Times the bytes of a document: it is base64 in message and event, which compression brings back to its size."""

PEAK: Final = 4.0
USED: Final = 0.5
ROOM: Final = 1.3
"""Assumed: the busiest second by the mean of the day; how much of a measured rate is used; what tables take beyond
their rows, while old ones wait for autovacuum."""


@dataclass(frozen=True, slots=True)
class Load:
    """What comes and how long it is kept. Percentages are of messages; `document` bytes are in each letter."""

    messages_per_day: int
    days: float
    kafka_days: float = 7.0
    copies: int = 3
    reports: float = 25.0
    letters: float = 5.0
    document: int = 100_000
    people: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """`basis` says what it rests on: measured, assumed, or set."""

    name: str
    value: float
    unit: str
    basis: str


def figures(load: Load) -> list[Figure]:
    """What this load needs. Gigabytes are of 10^9 bytes."""
    per_second = load.messages_per_day / 86_400
    peak = per_second * PEAK
    kept = _mean(load, "kept") + load.document * DOCUMENT_STORED * load.letters / 100
    in_kafka = _mean(load, "kafka") + load.document * DOCUMENT_IN_KAFKA * load.letters / 100
    known = _mean(load, "known") * load.messages_per_day * min(load.days, REMEMBERED_SECONDS / 86_400)
    store = ROOM * (kept * load.messages_per_day * load.days + known + PERSON * load.people)
    kafka = in_kafka * load.messages_per_day * load.kafka_days
    gateways = max(2, math.ceil(peak / (GATEWAY_RATE * USED)))
    relays = max(2, math.ceil(peak / (RELAY_RATE * USED)))
    connections = gateways * GATEWAY_CONNECTIONS + relays * RELAY_CONNECTIONS
    measured, both = "measured", "measured bytes, assumed mix"
    return [
        Figure("messages, mean", per_second, "/s", "given"),
        Figure("messages, peak", peak, "/s", f"assumed: {PEAK:g} times the mean"),
        Figure("store, a message", kept / 1000, "kB", both),
        Figure("store, disk", store / GIGABYTE, "GB", f"{both}, room of {ROOM - 1:.0%}"),
        Figure(
            "store, used at peak", 100 * peak / STORE_RATE, "%", f"measured on a prototype: {STORE_RATE:,} messages/s"
        ),
        Figure("Kafka, an event", in_kafka / 1000, "kB", both),
        Figure("Kafka, disk of one copy", kafka / GIGABYTE, "GB", f"{both}, {load.kafka_days:g} days"),
        Figure("Kafka, disk of all", kafka * load.copies / GIGABYTE, "GB", f"{load.copies} copies"),
        Figure("Kafka, in at peak", peak * in_kafka * load.copies / 1e6, "MB/s", "all copies"),
        Figure("gateways", gateways, "", f"{measured}: {GATEWAY_RATE:,}/s each, half used; two at least"),
        Figure(
            "relays",
            relays,
            "",
            f"{measured}: {RELAY_RATE:,}/s each, half used; two at least, {GROUPS} at most share the work",
        ),
        Figure("database connections", connections, "", "set: 10 a process"),
        Figure("partitions of a topic", PARTITIONS, "", "set; as many members of a group can share its work"),
    ]


def as_document(load: Load) -> dict[str, Any]:
    return {
        each.name: {"value": round(each.value, 2), "unit": each.unit, "basis": each.basis} for each in figures(load)
    }


def _mean(load: Load, name: str) -> float:
    rest = 100 - load.reports - load.letters
    shares = ((ADMISSION, rest), (REPORT, load.reports), (LETTER, load.letters))
    return float(sum(getattr(kind, name) * share / 100 for kind, share in shares))
