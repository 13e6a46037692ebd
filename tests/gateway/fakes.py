"""Stand-ins for what the doors talk to: a register of credentials and an intake that answers what it is told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from contract.errors import Refusal
from contract.topics import Sector
from gateway.delivery import Delivery, Receipt, ReceiptEvent, Status
from gateway.door import OPERATE, SEND, VIEW
from gateway.shelf import Shelf
from gateway.source import Principal, Source
from gateway.store.localities import Register, Registered
from mappings.language import Locality

RECEIVED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SOURCE = Source(
    id="dch-pas",
    organisation="RBD",
    sector=Sector.ACUTE,
    place="qvv",
    packs=("hl7v2-itk",),
    identifier_domain="dch-pas",
)
KEY = "key-of-dch-pas"
OTHER_KEY = "key-of-another-source"
OPERATOR_KEY = "key-of-an-operator"
PORT = 26001


def shelf_of(*sources: Source, search: Sequence[Path] = ()) -> Shelf:
    """A shelf whose register knows these sources, each in its place alone."""

    async def register() -> Register:
        known = {s.id: Registered(s.id, s.packs, Locality((s.place,), s.id)) for s in sources}
        return Register(known, 0)

    return Shelf(register, search)


def principal(source: Source = SOURCE) -> Principal:
    return Principal("source", source.id, frozenset({SEND}), source)


def sha256(text: str | bytes) -> bytes:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).digest()


@dataclass
class FakeRegister:
    """Credentials in dictionaries; `asked` counts the questions, `away` makes each of them hang or fail."""

    by_digest: dict[bytes, Principal] = field(default_factory=dict)
    by_number: dict[int, Principal] = field(default_factory=dict)
    asked: int = 0
    away: Exception | None = None
    hangs: bool = False

    @classmethod
    def usual(cls) -> FakeRegister:
        other = principal(replace(SOURCE, id="other"))
        operator = Principal("operator", "ops", frozenset({VIEW, OPERATE}))
        return cls(
            by_digest={sha256(KEY): principal(), sha256(OTHER_KEY): other, sha256(OPERATOR_KEY): operator},
            by_number={PORT: principal()},
        )

    async def by_hash(self, digest: bytes) -> Principal | None:
        await self._ask()
        return self.by_digest.get(digest)

    async def by_port(self, port: int) -> Principal | None:
        await self._ask()
        return self.by_number.get(port)

    async def _ask(self) -> None:
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if self.away is not None:
            raise self.away


@dataclass
class FakeIntake:
    """Answers each delivery by `answer`: a Status, an exception to raise, or a function of the delivery. `unmapped`
    are the code lists that lacked a code. With a `gate`, what has come waits until it is set."""

    answer: Status | Exception | Callable[[Delivery], Status] = Status.ACCEPTED
    unmapped: tuple[str, ...] = ()
    come: int = 0
    taken: list[Delivery] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def __call__(self, delivery: Delivery) -> Receipt:
        self.come += 1
        if self.gate is not None:
            await self.gate.wait()
        self.taken.append(delivery)
        if isinstance(self.answer, Refusal | Exception):
            raise self.answer
        status = self.answer if isinstance(self.answer, Status) else self.answer(delivery)
        event = ReceiptEvent("0197-event", "patient-admitted-1", ("care.qvv.acute.v1",))
        return Receipt("0197-message", status, delivery.principal.id, RECEIVED, (event,), self.unmapped)

    @property
    def bodies(self) -> list[bytes]:
        return [delivery.body for delivery in self.taken]
