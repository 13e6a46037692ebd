"""What senders were told: the one side of the comparison. The topics and tables are the other."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.persons import Message


class Answer(StrEnum):
    """What became of one attempt to send a message."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    LATER = "come again later"
    LOST = "no answer"
    UNREACHABLE = "no connection"


@dataclass
class Ledger:
    """`pending` are messages that were sent and not answered yet, each with the gateway it was sent to; `bodies` the
    refused ones, by the hash that the hub keeps them under; `surprises` good messages that were refused."""

    acknowledged: set[Message] = field(default_factory=set)
    pending: dict[object, int] = field(default_factory=dict)
    refused: set[bytes] = field(default_factory=set)
    surprises: list[str] = field(default_factory=list)
    attempts: Counter[Answer] = field(default_factory=Counter)

    def in_flight(self, gateway: int | None = None) -> int:
        """How many messages wait for their answer now, at this gateway, or at any."""
        return sum(1 for at in self.pending.values() if gateway is None or at == gateway)

    def refuse(self, body: bytes) -> None:
        """A message that had to be refused was refused: the hub must have kept it."""
        self.refused.add(hashlib.sha256(body).digest())
