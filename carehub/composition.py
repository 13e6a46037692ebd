"""The composition root: how a gateway, a relay and a consumer are put together from Settings.

Nothing else here knows how a part is made. Parts get what they need as arguments; there are no globals.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from fastapi import FastAPI
from sqlalchemy import Connection

from carehub.databases import open_hub
from carehub.heartbeat import process_name, say_farewell
from carehub.installation import settle_installation
from carehub.kafka import Kafka
from carehub.memory import settle_memory
from carehub.probes import kafka_probe, no_kafka_known, shards_relayed
from carehub.retention import lifetimes_of
from carehub.settings import Settings
from contract.errors import Misconfigured, Unavailable
from gateway.ageing import Ageing
from gateway.batch_work import BatchWork
from gateway.consumption import ConsumerGroups
from gateway.door import Door
from gateway.files import Files
from gateway.http.app import make_app
from gateway.http.front import Front
from gateway.hub import Hub
from gateway.intake import intake
from gateway.limits import InFlight, Limits
from gateway.mllp.connection import Desk
from gateway.mllp.listeners import Listeners, server_tls
from gateway.ops.backlog import BacklogGuard, Budget
from gateway.ops.checks import (
    backlog_within_budget,
    clock_agrees,
    database_written,
    kafka_answers,
    messages_kept,
    mllp_ports_open,
    packs_compile,
    retention_runs,
    sources_seen,
    work_left,
)
from gateway.ops.health import Check, Health
from gateway.ops.last_seen import LastSeen
from gateway.ops.metrics import Metrics
from gateway.reception import Reception
from gateway.relay.relay import Relay
from gateway.relay.replays import Replayer
from gateway.relay.station import Station
from gateway.retention import Retention
from gateway.shelf import Shelf
from gateway.store.database import Database
from gateway.store.entry import StoreKeys
from gateway.store.group import Keeper
from gateway.store.keeping import Keeping, Kept
from gateway.store.localities import read_register
from gateway.store.sources import StoredRegister, all_sources
from gateway.stories import Stories
from gateway.waiting_room import WaitingRoom
from mappings.language import Cache

GATEWAY_CONNECTIONS: Final = 10


@dataclass(frozen=True, slots=True)
class Relays:
    """What publishes: the outbox as it grows, and replays."""

    relay: Relay
    replayer: Replayer


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts of a gateway that run; `relays` are its own, on SQLite."""

    app: FastAPI
    listeners: Listeners
    batches: BatchWork
    waiting: WaitingRoom
    ageing: Ageing
    retention: Retention
    seen: LastSeen
    shelf: Shelf
    relays: Relays | None


@asynccontextmanager
async def composed_gateway(
    settings: Settings, host: str, kafka: Kafka | None, reload: asyncio.Event
) -> AsyncIterator[Gateway]:
    """A gateway whose store is open, whose packs are compiled and whose health has been looked at once; afterwards what
    waits for a commit is committed. Whenever `reload` is set, its packs are read again. Raises Misconfigured when the
    database is away or not migrated, or does not go with the secrets."""
    process = process_name("gateway")
    async with open_hub(settings, connections=GATEWAY_CONNECTIONS) as database:
        installation = await settle_installation(database, settings)
        register = partial(database.read, read_register)
        shelf = Shelf(register, settings.packs, Cache(settings.pack_cache), reload, settle_memory)
        await shelf.fill()
        keys = StoreKeys(installation.secrets.person_keys, installation.secrets.message_key)
        guard = BacklogGuard(database, Budget(settings.backlog_rows, settings.backlog_bytes))
        keeper = Keeper(database, keys, rows=settings.queue_limit)
        relays = None
        if settings.on_sqlite and kafka is not None:
            relays = make_relays(settings, database, kafka, installation.hub_id, process)
        waking = Waking(keeper, relays.relay.wake) if relays else keeper
        hub = Hub(database, waking, shelf, installation.secrets.resource_ids)
        standing = Standing(settings, database, host, process, kafka, guard, keeper)
        gateway, health = make_gateway(hub, keys, relays, standing)
        await keeper.start()
        await health.start()
        try:
            yield gateway
        finally:
            await keeper.close()
            await health.stop()
            await _farewell(database, process)


@dataclass(frozen=True, slots=True)
class Line:
    """The straight line without doors. Its `guard` knows the backlog only when somebody has it measured."""

    hub: Hub
    reception: Reception
    guard: BacklogGuard


@asynccontextmanager
async def composed_line(settings: Settings) -> AsyncIterator[Line]:
    """For a command that takes kept messages in beside gateways that serve; afterwards all of it is committed. Raises
    Misconfigured as composed_gateway does."""
    async with open_hub(settings) as database:
        installation = await settle_installation(database, settings)
        shelf = Shelf(partial(database.read, read_register), settings.packs, Cache(settings.pack_cache))
        await shelf.fill()
        keeper = Keeper(database, StoreKeys(installation.secrets.person_keys, installation.secrets.message_key))
        hub = Hub(database, keeper, shelf, installation.secrets.resource_ids)
        guard = BacklogGuard(database, Budget(settings.backlog_rows, settings.backlog_bytes))
        await keeper.start()
        try:
            yield Line(hub, Reception(partial(intake, hub=hub), Metrics(), admit=guard.admit), guard)
        finally:
            await keeper.close()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where and as what a gateway runs: what its doors and its health need to know beside the hub."""

    settings: Settings
    database: Database
    host: str
    process: str
    kafka: Kafka | None
    guard: BacklogGuard
    keeper: Keeper


def make_gateway(hub: Hub, keys: StoreKeys, relays: Relays | None, standing: Standing) -> tuple[Gateway, Health]:
    """HTTP, MLLP, files and the waiting room on one reception, and health over all of it; nothing is started yet."""
    settings, database = standing.settings, standing.database
    metrics = Metrics()
    limits = Limits(message=settings.max_body_bytes, file=settings.max_file_bytes)
    in_flight = InFlight(limits.in_flight)
    door = Door(StoredRegister(database))
    seen = LastSeen(database)

    def failed() -> None:
        health.look_soon()  # which looks at the listeners, which stand on this reception

    reception = Reception(
        partial(intake, hub=hub),
        metrics,
        admit=standing.guard.admit,
        seen=seen.note,
        unavailable=failed,
    )
    files = Files(hub, keys)
    stories = Stories(database, ConsumerGroups(standing.kafka.bootstrap if standing.kafka else None))
    desk = Desk(reception, limits, in_flight, metrics)
    listeners = Listeners(standing.host, door, _bound_ports(database), desk)
    health = Health(health_checks(hub.shelf, listeners, metrics, standing))
    gateway = Gateway(
        app=make_app(Front(hub, door, files, reception, stories, keys, health, metrics, limits, in_flight)),
        listeners=listeners,
        batches=BatchWork(hub, reception, metrics, standing.process, files.arrived),
        waiting=WaitingRoom(hub, reception),
        ageing=Ageing(hub, reception, settings.waiting_seconds),
        retention=Retention(database, lifetimes_of(settings), metrics, standing.process),
        seen=seen,
        shelf=hub.shelf,
        relays=relays,
    )
    return gateway, health


def health_checks(shelf: Shelf, listeners: Listeners, metrics: Metrics, standing: Standing) -> list[Check]:
    """What `GET /health` tells, and, of it, what readiness hangs on."""
    kafka, database = standing.kafka, standing.database
    return [
        database_written(database, standing.process, news=shelf.news),
        messages_kept(standing.keeper),
        clock_agrees(database),
        backlog_within_budget(standing.guard, metrics),
        kafka_answers(kafka_probe(kafka.bootstrap), kafka.bootstrap) if kafka else no_kafka_known(),
        shards_relayed(database, standing.guard),
        packs_compile(shelf),
        mllp_ports_open(listeners),
        sources_seen(database),
        work_left(database, metrics),
        retention_runs(database, metrics),
    ]


def make_relays(settings: Settings, database: Database, kafka: Kafka, hub_id: str, owner: str) -> Relays:
    """`owner` names the process, `hub_id` the hub: its transactional ids start with it."""
    station = Station(
        database,
        kafka.bootstrap,
        hub_id=hub_id,
        transactional=kafka.transactional,
        owner=owner,
        replication=settings.kafka_replication,
    )
    return Relays(Relay(station), Replayer(station))


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """TLS for MLLP, None where it is not set up. Raises Misconfigured when it is set up by half, or wrongly."""
    given = (settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    if not any(given):
        return None
    certificate, key, authorities = given
    if certificate is None or key is None or authorities is None:
        raise Misconfigured(
            "MLLP with TLS needs all of CAREHUB_TLS_CERTIFICATE, CAREHUB_TLS_KEY, CAREHUB_TLS_CLIENT_CA"
        )
    return server_tls(certificate, key, authorities)


@dataclass(frozen=True, slots=True)
class Waking:
    """A keeper that tells the relay of its own process when something was kept, so that it need not look."""

    keeper: Keeper
    wake: Callable[[], None]

    def keep(self, keeping: Keeping) -> Awaitable[Kept]:
        answer = self.keeper.keep(keeping)
        answer.add_done_callback(lambda _: self.wake())
        return answer


def _bound_ports(database: Database) -> Callable[[], Awaitable[dict[int, str]]]:
    def look(connection: Connection) -> dict[int, str]:
        return {each.mllp_port: each.id for each in all_sources(connection) if each.mllp_port is not None}

    return partial(database.read, look)


async def _farewell(database: Database, process: str) -> None:
    try:
        await database.run(say_farewell, process)
    except Unavailable:
        return  # its sign of life fades by itself
