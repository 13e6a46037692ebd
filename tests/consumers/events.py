"""Events as the hub publishes them, and records as a consumer reads them."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer

from consumers.event import Event
from contract.event import Envelope
from contract.links import PersonLink, linked_bundle
from contract.topics import Sector, Topic

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_sequence = itertools.count(1)


def a_topic() -> str:
    """A topic that no other test writes to."""
    return str(Topic(f"t{uuid.uuid4().hex[:12]}", Sector.ACUTE))


def envelope(subject: str = "p1-a", type_: str = "patient-admitted-1", **changes: Any) -> Envelope:
    values: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "source": "urn:carehub:source:dch-pas",
        "type": type_,
        "subject": subject,
        "time": NOON,
        "received": NOON + timedelta(seconds=1),
        "place": "qvv",
        "sector": "acute",
        "organisation": "RBD",
        "sequence": next(_sequence),
    }
    return Envelope(**(values | changes))


def bundle(*resources: dict[str, Any], focus: str = "") -> bytes:
    header: dict[str, Any] = {"resourceType": "MessageHeader", "eventCoding": {"code": "patient-admitted-1"}}
    if focus:
        header["focus"] = [{"reference": focus}]
    entries = [{"resource": resource} for resource in (header, *resources)]
    return json.dumps({"resourceType": "Bundle", "type": "message", "entry": entries}).encode()


def encounter(identity: str, status: str = "in-progress") -> dict[str, Any]:
    return {"resourceType": "Encounter", "id": identity, "status": status, "class": {"code": "IMP"}}


def keys_bundle(old: str, new: str) -> bytes:
    """The Bundle of person-linked-1 and person-merged-1."""
    return json.dumps(linked_bundle(PersonLink(old, new), str(uuid.uuid4()), "dch-pas", NOON)).encode()


def event(sent: Envelope | None = None, value: bytes = b"", topic: str = "care.qvv.acute.v1", offset: int = 0) -> Event:
    return Event(sent or envelope(), value or bundle(), topic, 3, offset)


@dataclass(frozen=True, slots=True)
class Sent:
    """A record to produce. Without `headers`, those of the envelope."""

    envelope: Envelope
    value: bytes
    headers: Sequence[tuple[str, bytes]] | None = None


async def publish(bootstrap: str, topic: str, records: Iterable[Sent]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        for sent in records:
            headers = list(sent.headers) if sent.headers is not None else sent.envelope.headers()
            await producer.send_and_wait(topic, sent.value, key=sent.envelope.subject.encode(), headers=headers)
    finally:
        await producer.stop()
