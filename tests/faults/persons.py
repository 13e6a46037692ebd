"""Who the events are about, and what a sender writes: the number of an event stands in the patient's given name, the
person in the local identifier, so that a reader of a topic knows each message again without being told its ids."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple

SECTOR: Final = "acute"
ORGANISATION: Final = "RBD"
PACK: Final = "hl7v2-itk"
LINKED_FROM: Final = 5
"""The number of the event from which on a quarter of the persons have an NHS number: their key changes there."""


class Message(NamedTuple):
    """What a sender sent: event `number` of a person, from 1."""

    source: str
    person: int
    number: int

    @property
    def control_id(self) -> str:
        return f"{self.source}-{self.person}-{self.number}"


@dataclass(frozen=True, slots=True)
class Source:
    """A sending system; its id is also the code of its place."""

    id: str
    persons: int

    def topic_of(self, person: int) -> str:
        """Where this person's events belong, as the hub promises it, not as the hub says it."""
        restricted = ".restricted" if is_restricted(person) else ""
        return f"care.{self.id}.{SECTOR}{restricted}.v1"


HTTP: Final = Source("faults-http", 64)
MLLP: Final = Source("faults-mllp", 32)
FILES: Final = Source("faults-files", 16)
SOURCES: Final = {source.id: source for source in (HTTP, MLLP, FILES)}


def register_arguments(source: Source) -> tuple[str, ...]:
    """The `carehub` command that registers it and prints its key."""
    place = ("--organisation", ORGANISATION, "--sector", SECTOR, "--place", source.id)
    return ("sources", "add", source.id, *place, "--pack", PACK, "--nhs-number", "traced", "--json")


def is_restricted(person: int) -> bool:
    """One in eight has not agreed to share: all of it belongs to the restricted topic."""
    return person % 8 == 7


def is_linked(person: int) -> bool:
    return person % 4 == 1


def text_of(message: Message) -> bytes:
    """A change of demographics (ADT^A31)."""
    control = message.control_id
    identifiers = f"P{message.person:04d}^^^LOCALID"
    if is_linked(message.person) and message.number >= LINKED_FROM:
        identifiers += f"~{nhs_number(message)}^^^NHS^NH"
    minutes, seconds = divmod(message.number % 3600, 60)
    moment = f"2026070110{minutes:02d}{seconds:02d}"
    lines = [
        f"MSH|^~\\&|FAULTS|{ORGANISATION}|HUB|{ORGANISATION}|{moment}||ADT^A31^ADT_A05|{control}|P|2.4",
        f"EVN||{moment}",
        f"PID|1||{identifiers}||FAULTS^N{message.number}||19700101|1",
    ]
    if is_restricted(message.person):
        lines.append("ZU8|1|2")
    return "\r".join(lines).encode() + b"\r"


def poison(source: Source, number: int) -> bytes:
    """A message that can be read and never be mapped: nobody can say whom it is about."""
    return (
        f"MSH|^~\\&|FAULTS|{ORGANISATION}|HUB|{ORGANISATION}|20260701100000||ADT^A31^ADT_A05"
        f"|{source.id}-poison-{number}|P|2.4\rEVN||20260701100000\rPID|1\r"
    ).encode()


def nhs_number(message: Message) -> str:
    """A number of the range for tests, 999, with its check digit (Modulus 11); the same for a person for ever."""
    seed = int.from_bytes(hashlib.sha256(f"{message.source}{message.person}".encode()).digest()[:6])
    while True:
        digits = f"999{seed % 1_000_000:06d}"
        check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11
        if check != 10:
            return digits + str(check % 11)
        seed += 1
