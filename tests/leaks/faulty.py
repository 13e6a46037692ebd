"""A consumer app that fails as apps do: with the event's content in the text of what it raises. The first events wait,
and some can never be applied."""

from __future__ import annotations

from sqlalchemy import Connection

from consumers.app import App
from consumers.event import Event
from consumers.faults import PermanentFault

_seen: list[str] = []


def apply(event: Event, _: Connection) -> None:
    if event.envelope.id not in _seen:
        _seen.append(event.envelope.id)
        if len(_seen) <= 2:
            raise ValueError(f"cannot apply {event.bundle!r}")
    if event.envelope.sequence % 10 == 0:
        raise PermanentFault("no-such-ward") from ValueError(f"{event.bundle!r}")


app = App("leaks-faulty", apply)
