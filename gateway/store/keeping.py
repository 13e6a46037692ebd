"""What is to be kept of one message, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from contract.errors import Issue
from gateway.chain import Link
from gateway.delivery import ReceiptEvent, Retry, Row, Status
from gateway.source import Source
from mappings.stages import Draft, ParentRef

REMEMBERED_SECONDS: Final = 7 * 24 * 3600.0
"""How long a message id is remembered for a source."""

HASH_REMEMBERED_SECONDS: Final = 3600.0
"""The same where the id is only a hash of the bytes: longer, and a true A → B → A would lose its second A."""


class NamedBy(StrEnum):
    """Where the id of a message comes from. A dead letter keeps only the HMAC of it."""

    REQUEST = "request"
    MESSAGE = "message"
    KEY = "key"
    CONTENT = "content"


def stored_name(named_by: NamedBy, name: str) -> str:
    """The message id that is hashed: an id of one kind is never taken for one of another."""
    return f"sha256:{name}" if named_by is NamedBy.CONTENT else f"{named_by}:{name}"


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
    failed. `resumes` is the id of the stored message that waited, `retries` the dead letter that this is; `row` says
    where in a batch it stood, `link` behind which messages it is kept.
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
    named_by: NamedBy = NamedBy.CONTENT
    resumes: str | None = None
    retries: Retry | None = None
    traceparent: str | None = None
    link: Link | None = None

    @property
    def tells_of(self) -> frozenset[str]:
        """The ids of resources that others may hang on, of which it tells or for which it waits."""
        match self.outcome:
            case Accepted(drafts=drafts):
                return frozenset(state.resource_id for draft in drafts for state in draft.states)
            case Waits(parents=parents):
                return frozenset(parent.resource_id for parent in parents)
        return frozenset()

    @property
    def again(self) -> bool:
        """Whether it was in the store before, waiting or as a dead letter."""
        return self.resumes is not None or self.retries is not None


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
