"""The state of the whole, read from the database and Kafka without a gateway's help: what `carehub status` shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, func, select

from carehub.consumer_groups import GroupState, group_faults, group_states
from carehub.databases import open_hub
from carehub.heartbeat import alive
from carehub.kafka import find_kafka
from carehub.relaying import relay_faults
from carehub.settings import Settings
from carehub.tail import sizes_of, topics_of
from contract.errors import Misconfigured
from contract.topics import is_dead_letter_topic
from gateway.ops.backlog import Budget, Measure, seconds_until_full
from gateway.ops.files import file_faults
from gateway.relay.leases import GroupOwner, Stop, group_owners, stops_of
from gateway.store.batch_leases import stopped_files
from gateway.store.batches import Stopped, in_work
from gateway.store.database import Database
from gateway.store.health import measure_backlog
from gateway.store.models import GROUPS, batch, dead_letter, heartbeat, outbox, source, waiting
from gateway.store.replays import Status, all_replays
from gateway.store.retention import last_run

PILING_SECONDS: Final = 5.0
"""Age from which on it is worth a moment to see how fast they pile up."""

MEASURED_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class RunningReplay:
    """How far a replay has come; `error` is the class of what stops it just now, empty while it goes on."""

    name: str
    percent: float
    error: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What the database tells. Times are UTC. `relays` has the groups of shards that each relay owns now, `stopped`
    what stops those that do not go on, `stopped_files` the sources whose files do not, and what stops these."""

    gateways: int
    relays: Mapping[str, tuple[int, ...]]
    stopped: Mapping[int, Stop]
    sources: int
    paused: int
    last_message: datetime | None
    unpublished: int
    oldest_unpublished: datetime | None
    waiting: int
    oldest_waiting: datetime | None
    dead_letters: int
    batches: int
    stopped_files: tuple[tuple[str, Stopped], ...]
    replays: tuple[RunningReplay, ...]
    retention: datetime | None

    @property
    def relay_groups(self) -> int:
        """How many groups of shards have an owner."""
        return sum(len(groups) for groups in self.relays.values())


@dataclass(frozen=True, slots=True)
class State:
    """`problems` is empty when all is well; each says what is wrong and where to look. `seconds_until_full`: how long
    until what waits for Kafka has used its budget up, None where it does not pile up. `buried`: how many events
    consumers could not apply, by the topic where these lie. `consumers` are their groups, as far as Kafka tells."""

    database: str
    kafka: str
    counts: Counts
    seconds_until_full: int | None
    buried: Mapping[str, int]
    consumers: tuple[GroupState, ...]
    problems: tuple[str, ...]


async def look(settings: Settings) -> State:
    """Raises Misconfigured when the database is away or not migrated: then nothing can be said."""
    async with open_hub(settings) as database:
        now = datetime.now(UTC)
        counts = await database.read(count)
        left = await _until_full(database, settings) if _piles_up(counts, now) else None
    kafka = find_kafka(settings)
    topics = await _topics(kafka.bootstrap) if kafka else None
    consumers = await _consumers(kafka.bootstrap, topics) if kafka and topics else ()
    problems = _problems(counts, now, kafka.bootstrap if kafka else None, answers=topics is not None)
    return State(
        database="SQLite" if settings.on_sqlite else "PostgreSQL",
        kafka=kafka.bootstrap if kafka else "none",
        counts=counts,
        seconds_until_full=left,
        buried=await _buried(settings, topics or ()),
        consumers=consumers,
        problems=(*problems, *group_faults(consumers)),
    )


def _piles_up(counts: Counts, now: datetime) -> bool:
    oldest = counts.oldest_unpublished
    return oldest is not None and (now - oldest).total_seconds() > PILING_SECONDS


async def _until_full(database: Database, settings: Settings) -> int | None:
    """By two measures, a moment apart: nobody but gateways remembers earlier ones."""
    budget = Budget(settings.backlog_rows, settings.backlog_bytes)
    measures = []
    for pause in (MEASURED_SECONDS, 0.0):
        measures.append(Measure(time.monotonic(), await database.read(measure_backlog, datetime.now(UTC))))
        await asyncio.sleep(pause)
    left = seconds_until_full(measures, budget, settled=0.0)
    return None if left is None else round(left)


def count(connection: Connection) -> Counts:
    unpublished, oldest = connection.execute(
        select(func.count(), func.min(outbox.c.created)).where(outbox.c.published.is_(None))
    ).one()
    owners = group_owners(connection)
    waits, oldest_waiting = connection.execute(
        select(func.count(waiting.c.message.distinct()), func.min(waiting.c.since))
    ).one()
    known = source.c.disabled.is_(False)
    return Counts(
        gateways=_number(connection, heartbeat, *alive(connection, "gateway")),
        relays=_relays(owners),
        stopped=stops_of(owners),
        sources=_number(connection, source, known),
        paused=_number(connection, source, known, source.c.paused.is_(True)),
        last_message=connection.execute(select(func.max(source.c.last_seen))).scalar(),
        unpublished=unpublished,
        oldest_unpublished=oldest,
        waiting=waits,
        oldest_waiting=oldest_waiting,
        dead_letters=_number(connection, dead_letter, dead_letter.c.status == "open"),
        batches=_number(connection, batch, in_work()),
        stopped_files=tuple(stopped_files(connection)),
        replays=tuple(
            RunningReplay(each.name, each.percent, each.error)
            for each in all_replays(connection)
            if each.status is Status.RUNNING
        ),
        retention=last.at if (last := last_run(connection)) else None,
    )


def _relays(owners: Iterable[GroupOwner]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for each in owners:
        if each.owner is not None:
            found[each.owner] = (*found.get(each.owner, ()), each.group)
    return found


def _number(connection: Connection, table: object, *where: object) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())  # type: ignore[arg-type]


def _problems(counts: Counts, now: datetime, kafka: str | None, *, answers: bool) -> list[str]:
    found = []
    if counts.gateways == 0:
        found.append("no gateway is running: carehub gateway, or carehub up")
    if kafka is None:
        found.append("no Kafka is known: set KAFKA_BOOTSTRAP_SERVERS, or carehub broker")
    elif not answers:
        found.append(f"Kafka at {kafka} does not answer; events are kept and wait in the outbox")
    oldest = counts.oldest_unpublished
    waited = (now - oldest).total_seconds() if oldest else 0.0
    owned = counts.relay_groups if counts.gateways or counts.unpublished else GROUPS  # else there is nothing to relay
    return [*found, *relay_faults(owned, counts.stopped, waited, now), *file_faults(counts.stopped_files, now)]


async def _topics(bootstrap: str) -> dict[str, list[int]] | None:
    """None when Kafka does not answer."""
    try:
        return await topics_of(bootstrap)
    except Misconfigured:
        return None


async def _consumers(bootstrap: str, topics: Mapping[str, list[int]]) -> tuple[GroupState, ...]:
    try:
        return tuple(await group_states(bootstrap, topics))
    except Misconfigured:
        return ()  # Kafka has gone meanwhile, or does not tell


async def _buried(settings: Settings, topics: Collection[str]) -> dict[str, int]:
    """Of each topic of a consumer group's dead letters that holds any, how many it holds."""
    names = [name for name in topics if is_dead_letter_topic(name)]
    try:
        sizes = await sizes_of(settings, names) if names else {}
    except Misconfigured:
        return {}  # Kafka has gone meanwhile
    return {name: events for name, (_, events) in sorted(sizes.items()) if events}
