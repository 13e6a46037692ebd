"""What the demo sends: four sources in NHS Dorset ICB, one per sector, and samples of their packs."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import mappings
from carehub.register.sources import NewSource

PLACE: Final = "qvv"
PLACE_NAME: Final = "NHS Dorset ICB"
_PACKS: Final = Path(mappings.__file__).parent / "packs"


class Door(StrEnum):
    HTTP = "HTTP"
    MLLP = "MLLP"
    MESSAGE = "FHIR messaging"
    FILE = "HTTP, a file"


@dataclass(frozen=True, slots=True)
class Sending:
    """One body, and the door it goes through. `what` says in the table what it is."""

    source: str
    door: Door
    what: str
    body: bytes
    content_type: str


def new_sources(mllp_port: int) -> tuple[NewSource, ...]:
    """The four sources; the hospital also has an MLLP port of its own."""
    return (
        NewSource("dch-pas", "RBD", "acute", PLACE, ("hl7v2-itk",), mllp_port=mllp_port, traced=True),
        NewSource("wessex-111", "RYE", "primary-care", PLACE, ("bars",), traced=True),
        NewSource("dhc-rio", "RDY", "mental-health", PLACE, ("mhsds",), traced=True),
        NewSource("dorset-mosaic", "10074", "social-care", PLACE, ("cld",), traced=True),
    )


def named_apart(source: NewSource) -> NewSource:
    """The same source under a new id: for a database that may have seen the demo's messages before."""
    return replace(source, id=f"{source.id}-{secrets.token_hex(3)}")


def sendings(sources: tuple[str, ...]) -> list[Sending]:
    """In the order in which they are sent: a source's own order is the order of what happened. `sources` are the ids of
    new_sources, in that order."""
    hospital, gp, mental_health, council = sources
    by_http = ("a01-admission", "a02-transfer", "a08-encounter-update", "a03-discharge")
    by_mllp = ("a11-admission-cancelled", "a31-demographics", "a40-merge")
    bookings = ("booking-new", "booking-update", "booking-cancelled")
    files = ("request", "service-open", "review")
    hl7v2, fhir = "application/hl7-v2", "application/fhir+json"
    return [
        *(Sending(hospital, Door.HTTP, name, _sample("hl7v2-itk", name), hl7v2) for name in by_http),
        *(Sending(hospital, Door.MLLP, name, _sample("hl7v2-itk", name), hl7v2) for name in by_mllp),
        *(Sending(gp, Door.MESSAGE, name, _sample("bars", name), fhir) for name in bookings),
        Sending(mental_health, Door.FILE, "MHSDS rows", _rows(), "application/json"),
        *(Sending(council, Door.FILE, name, _sample("cld", name), "text/csv") for name in files),
    ]


def sample_file(pack: str, name: str) -> Path:
    """The message of a sample of a pack that comes along."""
    return next((_PACKS / pack / "samples" / name).glob("message.*"))


def _sample(pack: str, name: str) -> bytes:
    return sample_file(pack, name).read_bytes()


def _rows() -> bytes:
    """Six tables of MHSDS as one file. The ward stay stands before the hospital spell that it hangs on, and waits."""
    names = ("mhs001-person", "mhs101-received", "mhs201-attended-at-home", "mhs401-detained")
    last = ("mhs502-started", "mhs501-admitted")
    return json.dumps([json.loads(_sample("mhsds", name)) for name in (*names, *last)]).encode()
