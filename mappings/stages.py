"""What one stage hands to the next. Each stage has its own frozen type; nothing changes shape under one name.

    bytes → Decoded → Mapped → Draft

`decode` reads a format, `map` fills a pack's templates, `validate` lets a Mapped pass or refuses it, `restrict` turns
it into the drafts that may be published. A draft is bytes: it never depends on the person key, place or sequence, which
the gateway resolves when it keeps the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from contract.errors import Issue
from contract.identifiers import ResourceIds

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, Decimal, str, list or dict of these. FHIR resources are dicts."""


class Format(StrEnum):
    HL7V2 = "hl7v2"
    FHIR = "fhir"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message in its own format's terms.

    `tree` is what the compiled pack reads: an hl7v2.Message, a FHIR Bundle (dict) or a row (dict of column to text).
    `message_id` is the format's own id (MSH-9.1 ^ MSH-9.2 ^ MSH-10, event code + endpoint + Bundle.identifier …), None
    when it has none. `comparable` is SHA-256 over the content without the fields that a source may stamp anew when
    it resends (MSH-7). `kind` is what a pack chooses its message file by: `ADT^A01`, `booking-request`, `MHS101`.
    """

    format: Format
    tree: Any
    kind: str
    message_id: str | None
    comparable: bytes
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """What a mapping may know of the registered source. `identifier_domain` is its own id, or that of the source it
    shares identifiers with; `organisation` its ODS code; `zone` the IANA zone of times that state none."""

    id: str
    identifier_domain: str
    organisation: str
    zone: str = "Europe/London"


@dataclass(frozen=True, slots=True)
class ParentRef:
    """A row's reference to a resource that another message brings. `path` names the source field that refers."""

    resource_type: str
    resource_id: str
    path: str


@dataclass(frozen=True, slots=True)
class ParentState:
    """What is remembered of a resource that others hang on.

    `patient` is a Patient resource with id and identifiers only; `ancestors` maps a name that the pack gives
    (`referral`, `spell`) to a relative reference (`EpisodeOfCare/…`).
    """

    patient: Json
    ancestors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MapContext:
    """Everything a mapping depends on besides the message and the pack. `parents` is keyed by resource id."""

    sender: Sender
    ids: ResourceIds
    received: datetime
    parents: Mapping[str, ParentState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResourceState:
    """A resource to remember, because the pack declares it as a parent of others or as a row of a snapshot.

    With `snapshot`, an unchanged `content_hash` means that the row says nothing new and no event is published.
    """

    resource_type: str
    resource_id: str
    content_hash: bytes
    state: ParentState
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class MappedEvent:
    """One event as mapped: a message Bundle whose first entry is a MessageHeader.

    `subject`, `prior` and `also` are ids of Patient resources in the bundle: whom the event is about, the identity that
    is no more where one gives way to it, and another person who must learn of it, as when a visit moves between two.
    `happened` is UTC. `addressed_to` holds ODS codes of organisations the message names as
    receivers.
    """

    type: str
    happened: datetime
    bundle: Json
    subject: str | None
    prior: str | None = None
    also: str | None = None
    addressed_to: tuple[str, ...] = ()
    states: tuple[ResourceState, ...] = ()


class Placed(NamedTuple):
    """One value of the source in an event: read at `where` (`PID-5.1.1`), it is the element `name` of the object
    `owner`, or one of its items. `path` is the FHIR path without positions: `Patient.name.family`."""

    where: str
    path: str
    owner: dict[str, Any]
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Mapped:
    """The events of one message, what was noticed on the way (warnings; an error raises instead), and how much of the
    message was read: `used` and `unmapped` are source paths, `placed` for each event where its values went; filled only
    when accounting was asked for."""

    events: tuple[MappedEvent, ...]
    issues: tuple[Issue, ...] = ()
    used: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
    placed: tuple[tuple[Placed, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class PersonIdentity:
    """A person in the sender's words: NHS number and its status code (01 to 08), and local identifiers as
    (system, value) in the order they appear."""

    nhs_number: str | None
    nhs_status: str | None
    local: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FlagChange:
    """A person flag that a message sets or lifts, by the name of its rule in mappings/restriction/rules.yaml."""

    rule: str
    on: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """One event that may be published, as bytes. `restricted` sends it to the restricted topic instead of the ordinary
    one; `redacted` names the rules that removed something from it."""

    type: str
    happened: datetime
    body: bytes
    subject: PersonIdentity | None
    prior: PersonIdentity | None = None
    also: PersonIdentity | None = None
    restricted: bool = False
    redacted: tuple[str, ...] = ()
    flags: tuple[FlagChange, ...] = ()
    addressed_to: tuple[str, ...] = ()
    states: tuple[ResourceState, ...] = ()
