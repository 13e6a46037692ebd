"""Works dead letters: through intake once more, as they were received; or only as if, keeping nothing.

    kept letter → delivery → intake → what became of it

A letter is closed by the transaction that keeps what it became, so whoever starts over after a crash repeats nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection

from contract.errors import Code, Conflict, Issue, Refusal, TooMany, Unavailable
from gateway.delivery import Delivery, Retry
from gateway.foresight import foresee
from gateway.hub import Hub
from gateway.reception import Fault, Reception
from gateway.source import Source
from gateway.store.keeping import Accepted, Waits
from gateway.store.letter_work import KeptLetter, kept_letter
from gateway.store.refusals import OPEN
from gateway.store.sharing import Sharing
from gateway.store.sources import registered_source, sender_of
from mappings.stages import Draft


class Became(StrEnum):
    """What became, or would become, of a dead letter. The last four leave it as it is."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    REPLAYED = "replayed"
    REFUSED = "refused"
    CONFLICT = "conflict"
    SUPERSEDED = "superseded"
    CLOSED = "closed"


Events: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Type and topics of each."""


@dataclass(frozen=True, slots=True)
class Worked:
    """One letter. `message` is what it became; `code`, `path` and `text` say why it is not accepted."""

    letter: str
    outcome: Became
    message: str | None = None
    events: Events = ()
    code: str = ""
    path: str = ""
    text: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "letter": self.letter,
            "outcome": str(self.outcome),
            "message": self.message,
            "events": [{"type": type_, "topics": list(topics)} for type_, topics in self.events],
            "code": self.code or None,
            "path": self.path or None,
            "text": self.text or None,
        }


_LEFT: Final = {
    Became.CONFLICT: "another message with this id was accepted, so this one is closed by hand: discard it with a "
    "reason; if it is the right one, its sender sends it under an id of its own",
    Became.SUPERSEDED: "a later dead letter has the same message id: retry that one, or discard it first",
    Became.CLOSED: "it is closed or discarded already, and nothing is done",
}


async def retry_letter(id_: str, actor: str, hub: Hub, reception: Reception) -> Worked | None:
    """Takes a letter in again, under its own message id; None when there is none. `actor` is noted on record.

    Raises Unavailable when nothing can be kept now, or the source's pack is broken: the letter is as it was.
    """
    letter = await hub.database.read(kept_letter, id_)
    if letter is None or (left := _left(letter)) is not None:
        return left if letter else None
    delivery = _delivery(letter, await hub.database.read(registered_source, letter.source), actor)
    try:
        receipt = await reception.receive(delivery, "retry")
    except (Unavailable, TooMany):
        raise
    except Conflict:
        return Worked(id_, Became.CONFLICT, code=str(Code.MESSAGE_ID_CONFLICT), text=_LEFT[Became.CONFLICT])
    except Refusal as refusal:
        return _refused(id_, refusal.issues[0])
    except Fault as fault:
        text = f"the hub failed; the letter is as it was (incident {fault.incident.id})"
        return _refused(id_, Issue(Code.INTERNAL_ERROR, "", text))
    events = tuple((event.type, event.topics) for event in receipt.events)
    message = receipt.id if receipt.id != id_ else None
    outcome = Became.CLOSED if message is None else Became(receipt.status)
    return Worked(id_, outcome, message, events, text=_LEFT.get(outcome, ""))


async def preview_letter(id_: str, hub: Hub) -> Worked | None:
    """What a retry would make of it now, as far as the letter itself decides: flags of its person are not looked up.
    Raises Unavailable as retry_letter does."""
    letter = await hub.database.read(kept_letter, id_)
    if letter is None or (left := _left(letter)) is not None:
        return left if letter else None
    source = await hub.database.read(registered_source, letter.source)
    try:
        foreseen = await foresee(_delivery(letter, source, ""), hub)
    except (Unavailable, TooMany):
        raise
    except Refusal as refusal:
        return _refused(id_, refusal.issues[0])
    match foreseen.outcome:
        case Accepted(drafts=drafts):
            events = await hub.database.read(_events, drafts, source, datetime.now(UTC))
            return Worked(id_, Became.ACCEPTED, events=events)
        case Waits(parents=(first, *_)):
            text = f"it would wait for the {first.resource_type} that it hangs on"
            return Worked(id_, Became.WAITING, code=str(Code.PARENT_UNKNOWN), path=first.path, text=text)
        case other:
            raise TypeError(f"intake neither accepted nor refused: {type(other).__name__}")


def _left(letter: KeptLetter) -> Worked | None:
    """Why a letter is not taken in at all."""
    if letter.status != OPEN:
        return Worked(letter.id, Became.CLOSED, text=_LEFT[Became.CLOSED])
    if letter.code == Code.MESSAGE_ID_CONFLICT:
        return Worked(letter.id, Became.CONFLICT, code=letter.code, text=_LEFT[Became.CONFLICT])
    if letter.superseded:
        return Worked(letter.id, Became.SUPERSEDED, text=_LEFT[Became.SUPERSEDED])
    return None


def _delivery(letter: KeptLetter, source: Source, actor: str) -> Delivery:
    return Delivery(
        sender_of(source),
        letter.body,
        letter.content_type,
        letter.received,
        row=letter.row,
        retries=Retry(letter.id, actor),
    )


def _refused(letter: str, issue: Issue) -> Worked:
    return Worked(letter, Became.REFUSED, code=str(issue.code), path=issue.path, text=issue.text)


def _events(connection: Connection, drafts: Sequence[Draft], source: Source, now: datetime) -> Events:
    sharing = Sharing()
    sharing.refresh(connection, now)
    return tuple((d.type, tuple(str(topic) for topic in sharing.topics(connection, d, source, now))) for d in drafts)
