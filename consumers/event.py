"""An event as an app gets it: the envelope, the Bundle, and where it stood in Kafka."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import orjson

from consumers.faults import PermanentFault
from contract.event import Envelope


class KafkaRecord(Protocol):
    """What is read of a record; aiokafka's ConsumerRecord has it."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def headers(self) -> Iterable[tuple[str, bytes | None]]: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True)  # without slots: `bundle` is read once and remembered
class Event:
    """`value` is the Bundle as published. `envelope.subject` is the person key as sent; links may have come since."""

    envelope: Envelope
    value: bytes
    topic: str
    partition: int
    offset: int

    @cached_property
    def bundle(self) -> dict[str, Any]:
        """The FHIR R4 message Bundle. Raises PermanentFault when the value is no JSON object."""
        try:
            bundle = orjson.loads(self.value)
        except orjson.JSONDecodeError:
            raise PermanentFault("unreadable-bundle") from None
        if not isinstance(bundle, dict):
            raise PermanentFault("unreadable-bundle")
        return bundle


def read_event(record: KafkaRecord) -> Event:
    """The event in a record. Raises PermanentFault when the record is no event of a hub."""
    try:
        envelope = Envelope.from_headers((name, value or b"") for name, value in record.headers)
    except ValueError:
        raise PermanentFault("not-an-event") from None
    if record.value is None:
        raise PermanentFault("not-an-event")
    return Event(envelope, record.value, record.topic, record.partition, record.offset)
