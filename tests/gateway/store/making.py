"""Messages, drafts and sources for tests of the store, and what to ask the tables afterwards."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, insert, select

from contract.errors import Code, Issue
from contract.identifiers import NHS_NUMBER_SYSTEM, PersonKeys
from contract.topics import Sector
from gateway.delivery import Retry, Row
from gateway.source import Source
from gateway.store import group
from gateway.store.bodies import bytes_of
from gateway.store.clock import Clock
from gateway.store.entry import Entry, StoreKeys
from gateway.store.keep import keep_batch
from gateway.store.keeping import Accepted, Keeping, NamedBy, Refused, Waits
from gateway.store.models import event, outbox, place
from gateway.store.models import source as source_table
from mappings.stages import Draft, FlagChange, ParentRef, PersonIdentity, ResourceState

PERSONS = PersonKeys(b"p" * 32)
KEYS = StoreKeys(PERSONS, b"m" * 32)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

ANN = "9000000009"
BEA = "9449305552"
"""Two usable NHS numbers: valid by Modulus 11."""

ADDRESS = "1 Hidden Lane"

PAS = Source("dch-pas", "RBD", Sector.ACUTE, "qvv", ("hl7v2",), "dch-pas")
GP = Source("gp-system", "J81010", Sector.PRIMARY_CARE, "qvv", ("fhir-r4",), "gp-system")
PDS = Source("pds", "X26", Sector.PRIMARY_CARE, "qvv", ("fhir-r4",), "pds", authority=True)

_counter = itertools.count(1)


def person(local: str | None = None, number: str | None = None, status: str | None = "01") -> PersonIdentity:
    """A person by hospital number, by NHS number (verified unless said otherwise), or both."""
    return PersonIdentity(number, status if number else None, (("urn:mrn", local),) if local else ())


def bundle(**patient: Any) -> bytes:
    entries = [
        {"resource": {"resourceType": "MessageHeader", "id": "h"}},
        {"resource": {"resourceType": "Patient", "id": "p", "address": [{"text": ADDRESS}], **patient}},
    ]
    return orjson.dumps({"resourceType": "Bundle", "type": "message", "entry": entries})


def draft(
    subject: PersonIdentity | None,
    type_: str = "patient-admitted-1",
    *,
    prior: PersonIdentity | None = None,
    also: PersonIdentity | None = None,
    flags: tuple[FlagChange, ...] = (),
    states: tuple[ResourceState, ...] = (),
    restricted: bool = False,
    body: bytes | None = None,
    addressed_to: tuple[str, ...] = (),
) -> Draft:
    return Draft(
        type_,
        NOON,
        bundle() if body is None else body,
        subject,
        prior=prior,
        also=also,
        flags=flags,
        states=states,
        restricted=restricted,
        addressed_to=addressed_to,
    )


def keeping(
    outcome: Draft | tuple[Draft, ...] | Waits | Refused,
    *,
    source: Source = PAS,
    id_: str | None = None,
    content: str | None = None,
    received: datetime = NOON,
    remember: float = 7 * 86400.0,
    row: Row | None = None,
    resumes: str | None = None,
    retries: str | None = None,
    named_by: NamedBy = NamedBy.MESSAGE,
    comparable: bytes | None = None,
) -> Keeping:
    """A message with an id of its own unless one is given, and content that is its id's unless given."""
    message_id = id_ or f"message-{next(_counter)}"
    body = (content or message_id).encode()
    digest = hashlib.sha256(body).digest()
    drafts = outcome if isinstance(outcome, tuple) else (outcome,) if isinstance(outcome, Draft) else None
    return Keeping(
        source=source,
        message_id=message_id,
        remember=remember,
        comparable=comparable or digest,
        content=digest,
        body=body,
        content_type="text/plain",
        received=received,
        pack="hl7v2",
        pack_version="1.0.0",
        outcome=Accepted(drafts) if drafts is not None else outcome,  # type: ignore[arg-type]
        row=row,
        named_by=named_by,
        resumes=resumes,
        retries=Retry(retries, "ann") if retries else None,
    )


def refused(code: Code = Code.MISSING_FIELD) -> Refused:
    return Refused((Issue(code, "PID-3", "a patient needs an identifier"),))


def waits(parent: str) -> Waits:
    return Waits((ParentRef("EpisodeOfCare", parent, "ServiceRequestId"),))


def later(**passed: float) -> datetime:
    return NOON + timedelta(**passed)


def at(moment: datetime) -> Clock:
    """A database's clock that stands still."""
    return lambda _: moment


def local_key(value: str, source: Source = PAS) -> str:
    return PERSONS.of_local(source.identifier_domain, "urn:mrn", value)


def untraced_key(number: str, source: Source = PAS) -> str:
    return PERSONS.of_local(source.identifier_domain, NHS_NUMBER_SYSTEM, number)


@dataclass(frozen=True)
class Out:
    """A row of the outbox with its event."""

    id: int
    key: str
    type: str
    topic: str
    sequence: int
    after: int | None
    late: bool
    message: str | None
    shard: int
    size: int
    bundle: Any

    @property
    def told(self) -> tuple[str, str]:
        return self.type, self.key


def published(connection: Connection) -> list[Out]:
    """The outbox in the relay's order."""
    rows = connection.execute(
        select(
            outbox, event.c.type, event.c.sequence, event.c.message, event.c.body, event.c.body_codec, event.c.body_key
        )
        .join(event, event.c.id == outbox.c.event)
        .order_by(outbox.c.id)
    )
    return [
        Out(
            row.id,
            row.person_key,
            row.type,
            row.topic,
            row.sequence,
            row.after_outbox_id,
            row.late,
            row.message,
            row.shard,
            row.size,
            orjson.loads(bytes_of(row)),
        )
        for row in rows
    ]


def register(connection: Connection, *sources: Source) -> None:
    """Writes sources and their places down, where a test needs them in the tables."""
    for code in sorted({each.place for each in sources}):
        connection.execute(insert(place).values(code=code))
    for each in sources:
        connection.execute(
            insert(source_table).values(
                id=each.id,
                organisation=each.organisation,
                sector=each.sector,
                place=each.place,
                packs=list(each.packs),
                identifier_domain=each.identifier_domain,
                ack=each.ack,
                traced=each.traced,
                authority=each.authority,
                mllp_port=each.mllp_port,
                paused=each.paused,
                disabled=False,
                created=NOON,
            )
        )


def watch_commits(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool] = lambda _: False) -> list[int]:
    """How many messages each group commit holds, from now on; for the nth of them, from 1, for which `fails(n)` the
    database is away."""
    sizes: list[int] = []

    def watched(connection: Connection, entries: Sequence[Entry], *rest: Any) -> Any:
        sizes.append(len(entries))
        if fails(len(sizes)):
            raise OSError
        return keep_batch(connection, entries, *rest)

    monkeypatch.setattr(group, "keep_batch", watched)
    return sizes
