"""What an MLLP sender is told: from receipt or refusal to acknowledgement codes (docs/send.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contract.errors import (
    Code,
    Forbidden,
    Issue,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    Undecodable,
    UnsupportedType,
)
from gateway.source import Ack

_REJECTED: Final = (Undecodable, Unauthenticated, Forbidden, TooLarge, UnsupportedType, TooMany)
"""Refusals that say the message itself cannot be taken here (AR); the others are errors in processing it (AE)."""


class Verdict(StrEnum):
    """Last letter of MSA-1: table 0008 has each for original (`A`) and accept (`C`) acknowledgement."""

    ACCEPTED = "A"
    ERROR = "E"
    REJECTED = "R"


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one message, before it is known which mode the sender wants it in."""

    verdict: Verdict
    issues: tuple[Issue, ...] = ()

    @property
    def code(self) -> Code | None:
        return self.issues[0].code if self.issues else None


def answer_of(refusal: Refusal, ack: Ack) -> Answer:
    """With `when-kept`, a message that is kept as a dead letter is accepted: it must not stall the feed behind it."""
    if refusal.kept and ack is Ack.WHEN_KEPT:
        return Answer(Verdict.ACCEPTED)
    verdict = Verdict.REJECTED if isinstance(refusal, _REJECTED) else Verdict.ERROR
    return Answer(verdict, refusal.issues)


def codes(answer: Answer, accept_ack: bytes, application_ack: bytes) -> tuple[str, ...]:
    """MSA-1 of each acknowledgement to send, none, one or two (HL7 v2 chapter 2, 2.9.2 and 2.9.3).

    Original mode: one of AA, AE, AR. Enhanced mode: the accept acknowledgement if MSH-15 wants it, then the application
    acknowledgement if MSH-16 does. A failure is told once: after CE or CR no application acknowledgement follows.
    """
    if not (accept_ack or application_ack):
        return ("A" + answer.verdict,)
    wanted = (b"AL", b"SU") if answer.verdict is Verdict.ACCEPTED else (b"AL", b"ER")
    levels = [
        level for level, asked in (("C", accept_ack), ("A", application_ack)) if asked in wanted or asked not in _ASKS
    ]
    if answer.verdict is not Verdict.ACCEPTED:
        levels = levels[:1]
    return tuple(level + answer.verdict for level in levels)


_ASKS: Final = frozenset({b"", b"AL", b"NE", b"ER", b"SU"})
"""Table 0155, and absent (which asks for nothing once the other is given); a code outside of it counts as `AL`."""
