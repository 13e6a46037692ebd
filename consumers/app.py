"""What a consumer app is: a name, what it subscribes to, and what it does with one event."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from consumers.event import Event
from contract.topics import EVENT_TOPIC_PATTERN

Apply: TypeAlias = Callable[[Event, Connection], None]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")


def _nothing(connection: Connection) -> None:
    """An app whose tables are made elsewhere."""


@dataclass(frozen=True, slots=True)
class App:
    """`topics` are names, or one pattern that starts with `^`. `name` is also the consumer group.

    `apply(event, connection)` is called once for each event, in order within a partition, in a transaction that also
    holds the note that the event was applied. It writes by `connection` only, never commits, and may be called again
    from the start after a rollback. It raises PermanentFault for an event that can never be applied; any other error
    makes the partition wait and try again.

    `prepare(connection)` is called once at start, in a transaction of its own, to make tables that do not exist.
    """

    name: str
    apply: Apply
    topics: str | tuple[str, ...] = EVENT_TOPIC_PATTERN
    prepare: Callable[[Connection], None] = _nothing

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot name an app: use lower case letters, digits and hyphens")
        if isinstance(self.topics, str) and not self.topics.startswith("^"):
            raise ValueError("topics is one pattern that starts with ^, or a tuple of names")
