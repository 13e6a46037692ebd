"""Replays: events that are published once more, to a topic of their own.

claim (a lease, as the relay's groups have) → window after window: read, apply today's flags, publish, note how far

A replay that was cut off goes on behind its last note; what was published and not noted comes a second time, with the
same `ce_id` and `ce_replay`, so that an inbox knows it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import Connection, Row, Select, select

from contract.links import PERSON_LINKED
from gateway.deadline import within
from gateway.relay.group import MAY_PASS
from gateway.relay.outbox import WINDOW_BYTES, Outgoing, load
from gateway.relay.publisher import FencedError, Publisher
from gateway.relay.station import Station
from gateway.relay.topics import ADMIN_SECONDS, TIMEOUT_MS, Topics
from gateway.store.bulk import any_of
from gateway.store.flags import rules_today
from gateway.store.models import event, outbox
from gateway.store.persons import keys_standing_for, roots_of
from gateway.store.replays import (
    Replay,
    Status,
    claim_replays,
    finish_drop,
    is_settled,
    leave_replays,
    note_error,
    note_progress,
    replay_by_id,
)
from gateway.store.withholding import routed, withheld

LOOK_SECONDS: Final = 1.0
AT_ONCE: Final = 4
WINDOW_ROWS: Final = 500
SCANNED_IDS: Final = 20_000
"""How much of the outbox is looked through for one window at most."""

_PAUSE_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Window:
    """The next records of a replay, up to and with outbox id `position`; `withheld` events were left out."""

    records: list[Outgoing]
    position: int
    withheld: int


def next_window(connection: Connection, found: Replay, rows: int, size: int = WINDOW_BYTES) -> Window:
    """At most `rows` records, and `size` bytes, but one. An event that went to several topics comes once."""
    upto = min(found.position + SCANNED_IDS, found.last)
    chosen: list[Row[*tuple[Any, ...]]] = []
    total = 0
    for row in connection.execute(_rows(connection, found, upto).limit(rows)):
        total += row.size
        if chosen and total > size:
            upto = chosen[-1].id
            break
        chosen.append(row)
    else:
        upto = chosen[-1].id if len(chosen) == rows else upto
    rules = rules_today(connection, {row.person_key for row in chosen})
    apart = {row.id for row in chosen if row.restricted or routed(rules.get(row.person_key, ()))}
    links = {row.id for row in chosen if row.type == PERSON_LINKED}  # they name keys only, and every reader needs them
    ids = [row.id for row in chosen if row.id in links or (row.id in apart) == found.restricted]
    left_out = sum(row.id in apart and not row.restricted and row.id not in ids for row in chosen)
    records = [_record(found, each, rules.get(each.key, frozenset())) for each in load(connection, ids)]
    return Window(records, upto, left_out)


class Replayer:
    """Runs the replays that this process has taken up."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._database = station.database
        self._owner = station.owner
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then finishes the windows in hand. A fault of ours ends it by that error."""
        try:
            while not stop.is_set():
                with contextlib.suppress(*MAY_PASS):
                    await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await stop.wait()
        finally:
            await self._leave()

    async def _look(self) -> None:
        for id_ in [id_ for id_, task in self._tasks.items() if task.done()]:
            self._tasks.pop(id_).result()
        ours = await self._database.run(claim_replays, self._owner, AT_ONCE)
        for id_ in self._tasks.keys() - set(ours):
            self._tasks[id_].cancel()  # stopped, or another's by now; it is forgotten on the next look
        for id_ in set(ours) - self._tasks.keys():
            self._tasks[id_] = asyncio.create_task(self._work(id_), name=f"replay-{id_}")

    async def _leave(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        with contextlib.suppress(*MAY_PASS):
            await self._database.run(leave_replays, self._owner)

    async def _work(self, id_: str) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                try:
                    if await self._go_on(id_):
                        return
                except FencedError:
                    return
                except MAY_PASS as error:
                    _log.warning("replay-waits", replay=id_, error=type(error).__name__)
                    with contextlib.suppress(*MAY_PASS):
                        await self._database.run(note_error, id_, type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _go_on(self, id_: str) -> bool:
        """Returns whether there is nothing more to do."""
        found = await self._database.read(replay_by_id, id_)
        if found is None or found.status is Status.DROPPING:
            if found is not None:
                await self._drop(found)
            return True
        if found.status is not Status.RUNNING:
            return True
        if not await self._database.read(is_settled, found.started):
            return False
        to = self._station
        await Topics(to.bootstrap, replication=to.replication, admin=to.transactional).ensure({found.topic})
        transactional_id = f"carehub-replay-{to.hub_id}-{found.id}" if to.transactional else None
        async with Publisher(to.bootstrap, transactional_id) as publisher:
            while await self._publish(publisher, id_):
                pass
        return True

    async def _publish(self, publisher: Publisher, id_: str) -> bool:
        """One window, in the time that its rate gives it. Returns whether it goes on."""
        found = await self._database.read(replay_by_id, id_)
        if found is None or found.status is not Status.RUNNING:
            return False
        begun = asyncio.get_running_loop().time()
        window = await self._database.read(next_window, found, max(1, min(WINDOW_ROWS, found.rate // 2)))
        if window.records:
            await publisher.publish(window.records)
        sent = len(window.records)
        goes_on = await self._database.run(note_progress, found, self._owner, window.position, sent, window.withheld)
        await asyncio.sleep(max(0.0, begun + sent / found.rate - asyncio.get_running_loop().time()))
        return goes_on

    async def _drop(self, found: Replay) -> None:
        """On the stand-in topics cannot be deleted, and go with it."""
        if self._station.transactional:
            await within(ADMIN_SECONDS, _delete_topic(self._station.bootstrap, found.topic))
        await self._database.run(finish_drop, found, self._owner)


async def _delete_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    try:
        await admin.start()
        if topic in await admin.list_topics():
            await admin.delete_topics([topic])
    finally:
        await admin.close()


def _rows(connection: Connection, found: Replay, upto: int) -> Select[*tuple[Any, ...]]:
    wanted = found.wanted
    columns = (outbox.c.id, outbox.c.person_key, outbox.c.size, event.c.restricted, event.c.type)
    query = (
        select(*columns)
        .join(event, event.c.id == outbox.c.event)
        .where(outbox.c.id > found.position, outbox.c.id <= upto, outbox.c.published.is_not(None))
        .order_by(outbox.c.id)
    )
    if wanted.since is not None:
        query = query.where(event.c.received >= wanted.since)
    if wanted.until is not None:
        query = query.where(event.c.received < wanted.until)
    if wanted.source is not None:
        query = query.where(event.c.source == wanted.source)
    if wanted.type is not None:
        query = query.where(event.c.type == wanted.type)
    if wanted.person_key is not None:
        root = roots_of(connection, {wanted.person_key})[wanted.person_key]
        query = query.where(any_of(connection, event.c.person_key, keys_standing_for(connection, root)))
    if wanted.topic is not None:
        return query.where(outbox.c.topic == wanted.topic)
    earlier = outbox.alias("earlier")
    own = select(earlier.c.id).where(earlier.c.event == outbox.c.event, earlier.c.id < outbox.c.id)
    return query.where(~own.exists())


def _record(found: Replay, record: Outgoing, rules: frozenset[str]) -> Outgoing:
    body = record.body if record.envelope.type == PERSON_LINKED else withheld(record.body, rules)
    return replace(record, topic=found.topic, body=body, envelope=replace(record.envelope, replay=found.id))
