"""The hub with one of its guarantees taken out, so that the checker is seen to find what it is there for:
`python -m tests.faults.sabotage NAME COMMAND…` runs `carehub COMMAND…` with one function replaced."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from sqlalchemy import Connection

from consumers.event import Event
from consumers.runtime import inbox
from consumers.runtime.subscription import Subscription
from gateway.delivery import Status
from gateway.relay.leases import LEASE_SECONDS
from gateway.relay.outbox import Outgoing, Published
from gateway.relay.publisher import Publisher
from gateway.relay.relay import Relay
from gateway.store.group import Keeper
from gateway.store.keeping import Keeping, Kept, Refused
from gateway.store.numbers import new_id

SLOWLY_SECONDS: Final = 0.3
WAKING_SECONDS: Final = 3.0
COMMIT_SECONDS: Final = 2.0


def acknowledge_before_commit() -> None:
    keep = Keeper.keep

    def keep_later(self: Keeper, keeping: Keeping) -> asyncio.Future[Kept]:
        keep(self, keeping).add_done_callback(lambda late: late.exception())
        told: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        refused = isinstance(keeping.outcome, Refused)
        told.set_result(Kept(new_id(), keeping.received, Status.ACCEPTED, refused=refused))
        return told

    Keeper.keep = keep_later  # type: ignore[method-assign]


def send_without_person_key() -> None:
    send = AIOKafkaProducer.send

    async def send_anywhere(self: AIOKafkaProducer, topic: str, value: bytes, *, key: bytes, headers: Any) -> Any:
        return await send(self, topic, value, key=None, headers=headers)

    AIOKafkaProducer.send = send_anywhere


def fence_nobody() -> None:
    """Each producer has an id of its own. It also takes its time between reading a window and sending it, so that a
    relay is most likely stopped there, and, when it wakes up, before it looks at its leases: which of the two is first
    is chance, and fencing is there for the worse one."""
    open_, publish, renew = Publisher.__init__, Publisher.publish, Relay._renew
    numbers, renewed = itertools.count(), time.monotonic()

    def open_unfenced(self: Publisher, bootstrap: str, transactional_id: str | None) -> None:
        open_(self, bootstrap, f"{transactional_id}-{os.getpid()}-{next(numbers)}")

    async def publish_slowly(self: Publisher, window: Sequence[Outgoing]) -> list[Published]:
        await asyncio.sleep(SLOWLY_SECONDS)
        return await publish(self, window)

    async def renew_late_after_a_stop(self: Relay, *, first: bool) -> None:
        nonlocal renewed
        if time.monotonic() - renewed > LEASE_SECONDS:
            await asyncio.sleep(WAKING_SECONDS)
        await renew(self, first=first)
        renewed = time.monotonic()

    Publisher.__init__ = open_unfenced  # type: ignore[method-assign]
    Relay._renew = renew_late_after_a_stop  # type: ignore[method-assign]
    Publisher.publish = publish_slowly  # type: ignore[method-assign]


def forget_what_was_applied() -> None:
    """It also takes its time between applying a batch and committing its offsets, most of all the time there is, so
    that a consumer is killed there."""
    commit = Subscription._commit

    async def commit_slowly(self: Subscription, *offsets: Any) -> None:
        await asyncio.sleep(COMMIT_SECONDS)
        await commit(self, *offsets)

    def everything(connection: Connection, app: str, events: Sequence[Event]) -> set[tuple[str, str, str]]:
        return {inbox._key(event) for event in events}

    inbox._note_fresh = everything
    Subscription._commit = commit_slowly  # type: ignore[method-assign]


SABOTAGES: Final[Mapping[str, Callable[[], None]]] = {
    "acknowledge-before-commit": acknowledge_before_commit,
    "send-without-person-key": send_without_person_key,
    "fence-nobody": fence_nobody,
    "forget-what-was-applied": forget_what_was_applied,
}


if __name__ == "__main__":
    from carehub.main import app

    SABOTAGES[sys.argv[1]]()
    app(sys.argv[2:])
