"""What a transport hands to intake, and what it gets back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from contract.event import rfc3339
from gateway.chain import Link
from gateway.source import Principal


@dataclass(frozen=True, slots=True)
class Row:
    """Where in a batch a message stood: the batch's id and the number of the row or message, from 1."""

    batch: str
    number: int


@dataclass(frozen=True, slots=True)
class Retry:
    """A dead letter that is taken in again: its id, and who asked for it, for the record."""

    letter: str
    actor: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it came through a door.

    `request_id` is an id of the message that counts before the format's own (X-Request-ID of `$process-message`),
    `idempotency_key` one that counts after it (Idempotency-Key). `received` is UTC.
    `resumes` is the id of a stored message that waited for its parent and is now taken in again; with `overdue` it has
    waited for long enough. `retries` says which dead letter this is. `link` is its place in a chain of messages, of
    which none is kept behind one that could not be.
    """

    principal: Principal
    body: bytes
    content_type: str
    received: datetime
    request_id: str | None = None
    idempotency_key: str | None = None
    row: Row | None = None
    resumes: str | None = None
    overdue: bool = False
    retries: Retry | None = None
    traceparent: str | None = None
    link: Link | None = None


class Status(StrEnum):
    ACCEPTED = "accepted"
    REPLAYED = "replayed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class ReceiptEvent:
    id: str
    type: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a sender: durable before it leaves. `received` is that of the first time. `unmapped` are the code
    lists that lacked a code of the message, once for each such code: for the hub to count, the sender is not told."""

    id: str
    status: Status
    source: str
    received: datetime
    events: tuple[ReceiptEvent, ...] = field(default=())
    unmapped: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "status": str(self.status),
            "source": self.source,
            "received": rfc3339(self.received),
            "events": [{"id": e.id, "type": e.type, "topics": list(e.topics)} for e in self.events],
        }
