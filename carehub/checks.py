"""What a gateway's health looks at, every few seconds. Readiness hangs on what a message needs to be kept; whether it
can be published now is told beside it, since Kafka being away is not the sender's problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka.client import AIOKafkaClient

from carehub.settings import Settings
from contract.event import rfc3339
from gateway.ops.health import Check, Finding
from gateway.ops.metrics import Metrics
from gateway.relay.leases import group_owners
from gateway.shelf import Shelf
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.health import (
    Backlog,
    count_open_dead_letters,
    count_waiting,
    last_seen,
    measure_backlog,
    write_heartbeat,
)
from gateway.store.sources import touch_last_seen


@dataclass(slots=True)
class Budget:
    """What may wait in the outbox, and what did when it was last measured."""

    rows: int
    size: int
    last: Backlog = field(default=Backlog(0, 0, 0.0))

    def used_up(self) -> bool:
        return self.last.rows >= self.rows or self.last.size >= self.size


def needed_checks(database: Database, process: str, budget: Budget, metrics: Metrics) -> list[Check]:
    """That the database can really be written, and that the outbox has room."""

    async def write() -> Finding:
        await database.run(write_heartbeat, process, "gateway", datetime.now(UTC))
        return Finding(True)

    async def measure() -> Finding:
        budget.last = await database.read(measure_backlog, datetime.now(UTC))
        metrics.outbox_rows.set(budget.last.rows)
        metrics.outbox_bytes.set(budget.last.size)
        metrics.outbox_oldest.set(budget.last.oldest_seconds)
        detail = {
            "rows": budget.last.rows,
            "bytes": budget.last.size,
            "oldestSeconds": round(budget.last.oldest_seconds, 1),
            "budget": {"rows": budget.rows, "bytes": budget.size},
        }
        text = "the outbox has used up its budget: Kafka or the relay has been away for long"
        return Finding(not budget.used_up(), text if budget.used_up() else "", detail)

    return [Check("database", write), Check("outbox", measure)]


def kafka_check(bootstrap: str | None) -> Check:
    """That Kafka answers with its metadata. None: this gateway was told of no Kafka."""

    async def ask() -> Finding:
        if bootstrap is None:
            return Finding(False, "no Kafka is known here: set KAFKA_BOOTSTRAP_SERVERS")
        client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=1_500, client_id="carehub-health")
        try:
            await client.bootstrap()
            return Finding(True, detail={"brokers": len(client.cluster.brokers())})
        except OSError:
            return Finding(False, "Kafka does not answer; events are kept and wait")
        finally:
            await client.close()

    return Check("kafka", ask, needed=False)


def told_checks(
    settings: Settings,
    database: Database,
    metrics: Metrics,
    shelf: Shelf,
    keeper: Keeper,
    ports: Callable[[], tuple[Mapping[int, str], Mapping[int, str]]],
) -> list[Check]:
    """What operators want to know and no sender hangs on. `ports` yields open MLLP ports, and failed ones."""

    async def sources() -> Finding:
        await database.run(touch_last_seen, keeper.take_seen())
        seen = await database.read(last_seen)
        detail = {id_: rfc3339(at) if at else None for id_, at in seen.items()}
        return Finding(True, detail={"lastSeen": detail})

    async def work() -> Finding:
        waiting, letters = await database.read(count_waiting), await database.read(count_open_dead_letters)
        metrics.waiting.set(waiting)
        metrics.dead_letters.set(letters)
        return Finding(True, detail={"waiting": waiting, "deadLettersOpen": letters})

    async def relay() -> Finding:
        owners = await database.read(group_owners)
        alone = [each.group for each in owners if each.owner is None]
        detail = {"owners": {str(each.group): each.owner for each in owners}}
        if owners and not alone:
            return Finding(True, detail=detail)
        start = "this gateway's own relay has stopped" if settings.on_sqlite else "start one with `carehub relay`"
        return Finding(False, f"nobody relays {len(alone) or 'any'} of the groups of shards: {start}", detail)

    async def packs() -> Finding:
        return Finding(not shelf.broken, "a pack does not compile: carehub packs lint" if shelf.broken else "",
                       {"loaded": sorted(shelf.packs), "broken": dict(shelf.broken)})  # fmt: skip

    async def mllp() -> Finding:
        opened, failed = ports()
        detail = {"open": {str(p): s for p, s in opened.items()}, "failed": {str(p): why for p, why in failed.items()}}
        return Finding(not failed, "an MLLP port cannot be opened" if failed else "", detail)

    looks = {"sources": sources, "work": work, "relay": relay, "packs": packs, "mllp": mllp}
    return [Check(name, look, needed=False) for name, look in looks.items()]
