"""What a consumer app is: a name, what it subscribes to, and what it does with one event."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from consumers.event import Event
from contract.topics import EVENT_TOPIC_PATTERN

Apply: TypeAlias = Callable[[Event, Connection], None]
ApplyAll: TypeAlias = Callable[[Sequence[Event], Connection], None]

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

    `apply_all(events, connection)` takes several at once, where an app has one: those of a batch that are new, in their
    order, in one transaction. What it leaves behind is what `apply` on one after the other would. When it raises, the
    batch is rolled back and comes again in smaller ones, down to single events, so that only the one at fault waits.

    `prepare(connection)` is called once at start, in a transaction of its own, to make tables that do not exist.
    """

    name: str
    apply: Apply
    topics: str | tuple[str, ...] = EVENT_TOPIC_PATTERN
    prepare: Callable[[Connection], None] = _nothing
    apply_all: ApplyAll | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot name an app: use lower case letters, digits and hyphens")
        if isinstance(self.topics, str) and not self.topics.startswith("^"):
            raise ValueError("topics is one pattern that starts with ^, or a tuple of names")
