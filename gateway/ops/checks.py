"""The checks of a gateway: what each looks at, and what it takes for good."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

from contract.event import rfc3339
from gateway.mllp.listeners import Listeners
from gateway.ops.backlog import BacklogGuard
from gateway.ops.files import file_faults
from gateway.ops.health import Check, Finding
from gateway.ops.metrics import Metrics
from gateway.retention import EVERY
from gateway.shelf import Shelf
from gateway.store.batch_leases import stopped_files
from gateway.store.clock import database_now
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.health import PackNews, count_open_dead_letters, last_seen, measure_waiting, write_heartbeat
from gateway.store.retention import last_run

KafkaProbe: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether a broker answers now."""

_COUNTING_SECONDS: Final = 10.0
_MOST_OFF_SECONDS: Final = 10.0
_MISSED: Final = 24 * EVERY


def database_written(
    database: Database, process: str, role: str = "gateway", news: Callable[[], PackNews] = PackNews
) -> Check:
    """A row is really written and committed: a database that is full or read-only answers pings too. With it goes what
    there is to tell of the packs, for those who look at the whole hub."""

    async def look() -> Finding:
        await database.run(write_heartbeat, process, role, news())
        return Finding(True, detail={"kind": "sqlite" if database.on_sqlite else "postgresql"})

    return Check("database", look, seconds=3.0)


def messages_kept(keeper: Keeper) -> Check:
    """What became of the last messages. Needed: a database that is nearly full may take the sign of life, which is
    small, and no message."""

    async def look() -> Finding:
        if keeper.failing:
            return Finding(False, "the database did not take the last messages: is its disk full?")
        return Finding(True)

    return Check("intake", look)


def clock_agrees(database: Database, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Check:
    """Not needed: what must not go wrong goes by the database's clock; but `ce_received` is this machine's word."""

    async def look() -> Finding:
        off = (wall() - await database.read(database_now)).total_seconds()
        detail = {"secondsOff": round(off, 1)}
        if abs(off) > _MOST_OFF_SECONDS:
            where = "ahead of" if off > 0 else "behind"
            return Finding(
                False, f"this machine's clock is {abs(off):.0f} s {where} the database's: put it right", detail
            )
        return Finding(True, detail=detail)

    return Check("clock", look, needed=False)


def backlog_within_budget(guard: BacklogGuard, metrics: Metrics) -> Check:
    """What waits for Kafka, and how long until its budget is used up. Needed: then senders get 503."""

    async def look() -> Finding:
        found = await guard.measure()
        metrics.outbox_rows.set(found.rows)
        metrics.outbox_bytes.set(found.size)
        metrics.outbox_oldest.set(found.oldest_seconds)
        left = guard.seconds_until_full
        metrics.outbox_until_full.set(math.inf if left is None else left)
        detail = {
            "rows": found.rows,
            "bytes": found.size,
            "oldestSeconds": round(found.oldest_seconds, 1),
            "budgetRows": guard.budget.rows,
            "budgetBytes": guard.budget.size,
            "secondsUntilFull": None if left is None else round(left),
        }
        if guard.used_up:
            return Finding(False, "its budget is used up: is Kafka away, or no relay running?", detail)
        return Finding(True, detail=detail)

    return Check("outbox", look, seconds=_COUNTING_SECONDS)


def kafka_answers(probe: KafkaProbe, servers: str) -> Check:
    """Not needed: events wait in the outbox while Kafka is away."""

    async def look() -> Finding:
        if await probe():
            return Finding(True, detail={"servers": servers})
        return Finding(False, "no broker answers; events are kept and wait in the outbox", {"servers": servers})

    return Check("kafka", look, needed=False, seconds=5.0)


def packs_compile(shelf: Shelf) -> Check:
    """A broken pack stops only the sources that need it, and none that ran before it broke; each text says why."""

    async def look() -> Finding:
        stock = shelf.stock
        faults = [*stock.faults()]
        refused = {name: each.fault for kind, name, each in faults if kind == "source" and each.pack is None}
        last_good = {f"{kind} {name}": each.fault for kind, name, each in faults if each.pack is not None}
        detail = {
            "loaded": sorted(name for name, each in stock.packs.items() if each.pack),
            "broken": {name: each.fault for kind, name, each in faults if kind == "pack" and each.pack is None},
            "sources": {
                id_: [f"{each.name} {each.pack.version}" for each in known.shelved if each.pack]
                for id_, known in stock.sources.items()
            },
            "refused": refused,
            "lastGood": last_good,
            "unread": list(stock.unread),
        }
        if faults or stock.unread:
            said = f"{len(faults) + len(stock.unread)} mistakes in mapping packs: {len(refused)} sources are refused"
            return Finding(False, f"{said}, {len(last_good)} mappings run as they last were: carehub doctor", detail)
        return Finding(True, detail=detail)

    return Check("packs", look, needed=False)


def mllp_ports_open(listeners: Listeners) -> Check:
    async def look() -> Finding:
        detail = {"ports": {str(port): source for port, source in listeners.ports.items()}, "tls": listeners.tls_port}
        if listeners.failed:
            failed = {str(port): reason for port, reason in listeners.failed.items()}
            return Finding(False, f"{len(failed)} MLLP ports cannot be opened", {**detail, "failed": failed})
        return Finding(True, detail=detail)

    return Check("mllp", look, needed=False)


def sources_seen(database: Database) -> Check:
    """When each source was last heard of; silence is for people to judge."""

    async def look() -> Finding:
        seen = await database.read(last_seen)
        return Finding(True, detail={"lastSeen": {id_: rfc3339(at) if at else None for id_, at in seen.items()}})

    return Check("sources", look, needed=False)


def work_left(database: Database, metrics: Metrics) -> Check:
    """Messages that wait for a parent, since when, dead letters that nobody has worked, and files that do not go on."""

    async def look() -> Finding:
        now = datetime.now(UTC)
        waiting, oldest = await database.read(measure_waiting, now)
        letters = await database.read(count_open_dead_letters)
        stopped = await database.read(stopped_files)
        metrics.waiting.set(waiting)
        metrics.waiting_oldest.set(oldest)
        metrics.dead_letters.set(letters)
        metrics.stopped_files.set(len(stopped))
        detail = {
            "waiting": waiting,
            "oldestWaitingSeconds": round(oldest, 1),
            "openDeadLetters": letters,
            "stoppedFiles": [{"source": source, **stop.as_dict()} for source, stop in stopped],
        }
        if faults := file_faults(stopped, now):
            return Finding(False, "; ".join(faults), detail)
        return Finding(True, detail=detail)

    return Check("work", look, needed=False, seconds=_COUNTING_SECONDS)


def retention_runs(database: Database, metrics: Metrics) -> Check:
    """When old rows were last removed, how many of each kind, and what is the oldest left. A hub of which nothing is
    old has no run yet."""

    async def look() -> Finding:
        last = await database.read(last_run)
        if last is None:
            return Finding(True, detail={"lastRun": None})
        metrics.retention_run.set(last.at.timestamp())
        now = datetime.now(UTC)
        for kind, at in last.oldest.items():
            metrics.oldest_kept(kind).set((now - datetime.fromisoformat(at)).total_seconds())
        told = {"removed": dict(last.removed), "oldestKept": dict(last.oldest), "unfinished": last.left}
        detail = {"lastRun": rfc3339(last.at), **told}
        if now - last.at > _MISSED:
            return Finding(False, "no run for a day: the logs of the gateways say why (retention-failed)", detail)
        return Finding(True, detail=detail)

    return Check("retention", look, needed=False)
