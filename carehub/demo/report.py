"""What the demo prints: the table of events, one event in full, what it took; and afterwards how to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from carehub.household import House
from carehub.output import console, print_line, print_table


@dataclass(frozen=True, slots=True)
class Line:
    """One event on one topic. `offset` and `seen_ms` are None for what did not arrive: then the demo has failed.

    `held_apart` is an event that only those may read who have a right to the restricted topic: `timeline` has none.
    """

    source: str
    door: str
    sent: str
    event: str
    topic: str
    partition: int | None
    offset: int | None
    seen_ms: int | None
    held_apart: bool = False

    @property
    def missing(self) -> bool:
        return self.offset is None or (self.seen_ms is None and not self.held_apart)

    @property
    def seen(self) -> str:
        if self.held_apart:
            return "held apart: restricted"
        return f"after {self.seen_ms} ms" if self.seen_ms is not None else "MISSING"


def print_events(lines: Sequence[Line]) -> None:
    columns = ["source", "door", "sent", "event type", "topic/partition/offset", "seen by the consumer"]
    rows = (
        [
            line.source,
            line.door,
            line.sent,
            line.event,
            f"{line.topic}/{line.partition}/{line.offset}" if line.offset is not None else f"{line.topic}: MISSING",
            line.seen,
        ]
        for line in lines
    )
    print_table(columns, rows, none="no event came out")


def print_event(document: dict[str, Any]) -> None:
    """One event as it lies on Kafka: its headers, and its value as FHIR."""
    import orjson

    print_line("")
    print_line(f"One of them in full, from {document['topic']}/{document['partition']}/{document['offset']}:")
    for name, value in document["headers"].items():
        print_line(f"  {name}: {value}")
    print_line(orjson.dumps(document["value"], option=orjson.OPT_INDENT_2).decode())


def print_cost(house: House, lines: Sequence[Line], took: Sequence[tuple[str, float]]) -> None:
    """Where the time went, in seconds."""
    broker = {"stand-in": "a stand-in for Kafka, in memory", "kafka": "Apache Kafka"}.get(house.kafka.kind, "Kafka")
    sources = len({line.source for line in lines})
    arrived = sum(not line.missing for line in lines)
    print_line("")
    print_line(f"{arrived} of {len(lines)} events of {sources} sources came out of {broker} ({house.kafka.bootstrap}).")
    print_line(" · ".join(f"{name} {seconds:.1f} s" for name, seconds in took))


def print_invitation(house: House, key: str, sample: str) -> None:
    """How to send one more, for who stays."""
    address = house.gateway["http"]
    out = console()
    out.print()
    out.print("[bold]It is yours until Ctrl-C.[/] Send one more event:")
    out.print(
        f"  curl -H 'Authorization: Bearer {key}' -H 'Content-Type: application/hl7-v2' \\\n"
        f"       --data-binary @{sample} {address}/events",
        markup=False,
    )
    out.print(f"HTTP {address} · Kafka {house.kafka.bootstrap} · {house.gateway['database']}", markup=False)
