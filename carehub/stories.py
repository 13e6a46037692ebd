"""What the store tells of one message, event or file, for the command line: never its content."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from carehub.errors import Declined
from carehub.register.session import in_hub
from gateway.store import batches, events, messages
from gateway.store.batch_rows import REFUSED

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
