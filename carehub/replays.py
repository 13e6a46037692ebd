"""Replays for the command line: begun, looked at, stopped, gone on with, dropped. A relay does the work."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import Connection

from carehub.errors import Declined, WrongUsage
from carehub.register.credentials import account
from carehub.register.session import in_hub
from contract.event import is_event_type
from contract.topics import replay_topic
from gateway.store.replays import Replay, Status, Wanted, all_replays, replay_by_name, start_replay, turn

DROP_SECONDS: Final = 20.0
"""How long a command waits for a relay to delete the topic."""


def begin(name: str, wanted: Wanted, *, restricted: bool, rate: int, reason: str) -> dict[str, Any]:
    """Raises WrongUsage for a name or a choice that cannot be, Declined when there is one of that name."""
    try:
        replay_topic(name)
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    if not wanted.as_document():
        raise WrongUsage("say which events: --since, --until, --source, --type, --person or --topic")
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        raise WrongUsage("--since must be before --until")
    if wanted.type is not None and not is_event_type(wanted.type):
        raise WrongUsage("an event type looks like patient-admitted-1")
    found = in_hub(start_replay, name, wanted, restricted=restricted, rate=rate, reason=reason.strip(), actor=account())
    if found is None:
        text = f"there is a replay {name}: carehub replay resume {name}, or drop it first"
        raise Declined(text)
    return found.as_dict()


def told(name: str | None, *, dropped: bool = False) -> list[dict[str, Any]]:
    """One replay, or all, the latest first. Raises Declined when there is none of that name."""
    if name is not None:
        return [in_hub(_found, name).as_dict()]
    return [each.as_dict() for each in in_hub(all_replays, dropped=dropped)]


def stop(name: str) -> dict[str, Any]:
    """Raises Declined when it does not run."""
    return in_hub(_turn, name, {Status.RUNNING}, Status.STOPPED, "replay-stopped").as_dict()


def resume(name: str) -> dict[str, Any]:
    """Goes on where it was stopped. Raises Declined when it was not."""
    return in_hub(_turn, name, {Status.STOPPED}, Status.RUNNING, "replay-resumed").as_dict()


def drop(name: str) -> dict[str, Any]:
    """Stops it and has its topic deleted; waits a while for a relay to do so. It stays on record."""
    able = {Status.RUNNING, Status.STOPPED, Status.DONE, Status.DROPPING}
    found = in_hub(_turn, name, able, Status.DROPPING, "replay-drop-asked")
    deadline = time.monotonic() + DROP_SECONDS
    while time.monotonic() < deadline:
        if in_hub(replay_by_name, name) is None:
            return {**found.as_dict(), "status": str(Status.DROPPED)}
        time.sleep(0.5)
    return found.as_dict()


def _found(connection: Connection, name: str) -> Replay:
    found = replay_by_name(connection, name)
    if found is None:
        raise Declined(f"there is no replay {name} (carehub replay status)")
    return found


def _turn(connection: Connection, name: str, able: set[Status], status: Status, done: str) -> Replay:
    found = _found(connection, name)
    if found.status not in able:
        raise Declined(f"the replay {name} is {found.status}")
    if found.status is not status:
        turn(connection, found, status, account(), done)
    return _found(connection, name)
