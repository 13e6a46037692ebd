"""What is to be kept of one message, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from contract.errors import Issue
from gateway.delivery import ReceiptEvent, Row, Status
from gateway.source import Source
from mappings.stages import Draft, ParentRef


@dataclass(frozen=True, slots=True)
class Accepted:
    """Outcome: events to publish (none is possible: a row of a snapshot that says nothing new). `unmapped` are the code
    lists that lacked a code of the message, once for each."""

    drafts: tuple[Draft, ...]
    unmapped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waits:
    """Outcome: a parent is unknown, so the bytes wait for it."""

    parents: tuple[ParentRef, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Outcome: kept as a dead letter."""

    issues: tuple[Issue, ...]


Outcome: TypeAlias = Accepted | Waits | Refused


@dataclass(frozen=True, slots=True)
class Keeping:
    """One message on its way into the store.

    `message_id` is the id by which a repeat is known, `remember` for how many seconds; `comparable` the hash that tells
    a repeat from a conflict; `content` the SHA-256 of the body. `pack` and `pack_version` are empty when decoding
    failed. `resumes` is the id of the stored message that waited; `row` says where in a batch it stood.
    """

    source: Source
    message_id: str
    remember: float
    comparable: bytes
    content: bytes
    body: bytes
    content_type: str
    received: datetime
    pack: str
    pack_version: str
    outcome: Outcome
    row: Row | None = None
    resumes: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of it. `conflict`: same id, other content, now a dead letter. `id` is the message's, or for a
    conflict or refused one the dead letter's; `status` then says nothing. `received` is that of the first time."""

    id: str
    received: datetime
    status: Status
    events: tuple[ReceiptEvent, ...] = ()
    conflict: bool = False
    refused: bool = False
