"""A registered source: what the credential stands for. Never the message's own header fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contract.topics import Sector
from mappings.stages import Sender


class Ack(StrEnum):
    """When an MLLP sender gets AA: `when-kept` also for a message that is kept as a dead letter."""

    WHEN_MAPPED = "when-mapped"
    WHEN_KEPT = "when-kept"


@dataclass(frozen=True, slots=True)
class Source:
    """`packs` are the names of the packs it may send for, in the order they are tried. `traced` says that its NHS
    numbers count as verified when they state no status. `identifier_domain` is its own id or another source's."""

    id: str
    organisation: str
    sector: Sector
    place: str
    packs: tuple[str, ...]
    identifier_domain: str
    ack: Ack = Ack.WHEN_MAPPED
    traced: bool = False
    authority: bool = False
    mllp_port: int | None = None
    paused: bool = False

    def as_sender(self) -> Sender:
        return Sender(self.id, self.identifier_domain, self.organisation)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is at a door: the one thing every door yields. Nothing behind it knows how somebody logged in.

    `kind` is `source`, `operator` or `monitor`; `source` is set for the first.
    """

    kind: str
    id: str
    scopes: frozenset[str]
    source: Source | None = None
