"""A message made ready to be kept: everything that needs no database is done here, before the transaction begins."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from contract.errors import Code, Issue, TooLarge, refuse
from contract.identifiers import NHS_NUMBER_SYSTEM, PersonKeys, is_usable_nhs_number
from contract.topics import MAX_MESSAGE_BYTES
from gateway.source import Source
from gateway.store.bodies import Body, pack_body
from gateway.store.keeping import Accepted, Keeping, Refused
from gateway.store.numbers import new_id
from mappings.stages import Draft, PersonIdentity

_LONGEST_TRACEPARENT: Final = 64


@dataclass(frozen=True, slots=True, repr=False)
class StoreKeys:
    """The secrets that keep needs: `persons` makes person keys, `messages` is the HMAC key of message ids."""

    persons: PersonKeys
    messages: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """Whom a message says it is about, as keys: `own` of the sender's local identity, `national` of a usable NHS
    number. With neither it is about nobody, and `fallback`, the source's own key, keeps the order."""

    own: str | None
    national: str | None
    fallback: str

    @property
    def named(self) -> tuple[str, ...]:
        """The keys that it names, the sender's own first."""
        return tuple(key for key in (self.own, self.national) if key) or (self.fallback,)


@dataclass(frozen=True, slots=True)
class DraftEntry:
    """A draft with its claims and its body as it will be stored."""

    draft: Draft
    subject: Claim
    prior: Claim | None
    also: Claim | None
    body: Body

    @property
    def claims(self) -> tuple[Claim | None, ...]:
        """Everybody it names."""
        return self.subject, self.prior, self.also


@dataclass(frozen=True, slots=True)
class Earlier:
    """Of a message that was in the store before: its `number` in the order of arrival, and `since` when it waits, or
    for a dead letter now."""

    number: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """`id` is that of the message if it becomes one; `key_hash` the HMAC of source and message id. `earlier` is set in
    the transaction that takes a stored message up again."""

    keeping: Keeping
    id: str
    key_hash: bytes
    body: Body
    drafts: tuple[DraftEntry, ...]
    earlier: Earlier | None = None

    @property
    def source(self) -> Source:
        return self.keeping.source

    @property
    def size(self) -> int:
        return len(self.body.stored) + sum(len(d.body.stored) + len(d.draft.body) for d in self.drafts)


def prepare(keeping: Keeping, keys: StoreKeys) -> Entry:
    """Hashes, keys and compressed bodies of one message. Raises TooLarge for an event that Kafka would not take."""
    drafts = keeping.outcome.drafts if isinstance(keeping.outcome, Accepted) else ()
    if any(len(draft.body) > MAX_MESSAGE_BYTES for draft in drafts):
        raise refuse(TooLarge, Code.TOO_LARGE, "an event made from this message is larger than a topic takes")
    return Entry(
        keeping=keeping,
        id=keeping.resumes or new_id(),
        key_hash=hash_message_id(keys, keeping.source.id, keeping.message_id),
        body=pack_body(keeping.body),
        drafts=tuple(_prepare_draft(draft, keeping.source, keys.persons) for draft in drafts),
    )


def hash_message_id(keys: StoreKeys, source: str, message_id: str) -> bytes:
    """By which a repeat is found: HMAC of the source and its message id, 32 bytes."""
    return hmac.digest(keys.messages, f"{source}\x1f{message_id}".encode("utf-8", "surrogateescape"), hashlib.sha256)


def claim_of(person: PersonIdentity | None, source: Source, keys: PersonKeys) -> Claim:
    """Only the first local identity counts: the others may be shared, or somebody else's.

    A number that may not be used to join is an identity of this source like any other, if there is nothing better.
    """
    fallback = keys.of_source(source.id)
    if person is None:
        return Claim(None, None, fallback)
    number = person.nhs_number or ""
    usable = is_usable_nhs_number(number, person.nhs_status, traced_source=source.traced)
    own = None
    if person.local:
        own = keys.of_local(source.identifier_domain, *person.local[0])
    elif number and not usable:
        own = keys.of_local(source.identifier_domain, NHS_NUMBER_SYSTEM, number)
    return Claim(own, keys.of_nhs_number(number) if usable else None, fallback)


def issue_documents(keeping: Keeping) -> list[dict[str, object]]:
    """The issues of a refused message, as they stand in a table."""
    return [issue_document(issue) for issue in keeping.outcome.issues] if isinstance(keeping.outcome, Refused) else []


def issue_document(issue: Issue) -> dict[str, object]:
    return {**issue.as_dict(), "path": storable(issue.path), "text": storable(issue.text)}


def storable(text: str) -> str:
    """PostgreSQL takes no NUL and no lone surrogate in a text; a message with one must still be kept."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def traceparent_of(keeping: Keeping) -> str | None:
    trace = keeping.traceparent
    return trace if trace and len(trace) <= _LONGEST_TRACEPARENT and trace.isascii() and trace.isprintable() else None


def _prepare_draft(draft: Draft, source: Source, keys: PersonKeys) -> DraftEntry:
    return DraftEntry(
        draft=draft,
        subject=claim_of(draft.subject, source, keys),
        prior=claim_of(draft.prior, source, keys) if draft.prior else None,
        also=claim_of(draft.also, source, keys) if draft.also else None,
        body=pack_body(draft.body),
    )
