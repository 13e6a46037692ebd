"""What the store tells of one message, event, file or dead letter, for the command line: never its content."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from carehub.errors import Declined
from carehub.register.session import in_hub
from gateway.store import batches, deadletters, events, messages
from gateway.store.batch_rows import REFUSED
from gateway.store.refusals import OPEN

T = TypeVar("T")

ROWS: Final = 10_000
"""Rows of a file that are looked at for refusals."""


def message_of(id_: str) -> dict[str, Any]:
    """Raises Declined when there is no such message."""
    return _found(in_hub(messages.message_by_id, id_), f"there is no message {id_}").as_dict()


def event_of(id_: str) -> dict[str, Any]:
    """Raises Declined when there is no such event."""
    life = _found(in_hub(events.event_by_id, id_), f"there is no event {id_}")
    return {**life.as_dict(), "personKey": life.person_key}


def batch_of(id_: str) -> dict[str, Any]:
    """Raises Declined when there is no such file."""
    return _found(in_hub(_batch, id_), f"there is no file {id_}")


def dead_letters(source: str | None, *, only_open: bool, limit: int) -> list[dict[str, Any]]:
    """The latest first."""
    found = in_hub(deadletters.list_dead_letters, source=source, status=OPEN if only_open else None, limit=limit)
    return [letter.as_dict() for letter in found]


def dead_letter_of(id_: str) -> dict[str, Any]:
    """Raises Declined when there is no such dead letter."""
    letter, body = _found(in_hub(deadletters.get_dead_letter, id_), f"there is no dead letter {id_}")
    return {**letter.as_dict(), "bytes": len(body)}


def _batch(connection: Connection, id_: str) -> dict[str, Any] | None:
    found = batches.batch_by_id(connection, id_)
    if found is None:
        return None
    rows = batches.batch_rows(connection, id_, limit=ROWS)
    return {**found.as_dict(), "refusals": [row.as_dict() for row in rows if row.status == REFUSED]}


def _found(value: T | None, otherwise: str) -> T:
    if value is None:
        raise Declined(otherwise)
    return value
