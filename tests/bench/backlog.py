"""What waited while Kafka was away: how fast the relay drains it while new events come, in what order and memory."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from carehub.broker.local import LocalKafka
from tests.bench import ingest, messages
from tests.processes import Hub, resident_mib
from tests.topics import TopicRecord, read_committed

ARRIVING = 1 / 3
"""Of the durable intake of the same run: how much comes in while the backlog drains."""

RECOVERY_SECONDS = 8.0
DRAINED_SECONDS = 180.0

LEFT = "SELECT count(*) FROM outbox WHERE published IS NULL AND id <= $1"
LAST = "SELECT coalesce(max(id), 0) FROM outbox"
DRAIN = """
WITH ended AS (SELECT max(published) AS at FROM outbox WHERE id <= $2)
SELECT count(*) AS rows, extract(epoch FROM ended.at)::float AS ended
FROM outbox, ended WHERE id > $1 AND published <= ended.at GROUP BY ended.at
"""
"""What was published after row $1 until the backlog, whose last row is $2, was: new events among it."""

EVENTS = "SELECT count(*) FROM event"
PLACE = "backlog"
TOPICS = (f"care.{PLACE}.acute.v1", f"care.{PLACE}.acute.restricted.v1")


def measure(folder: Path, database: str, kafka: LocalKafka, seconds: float) -> dict[str, Any]:
    """Rates are rows of the outbox a second: the drain's from the first record sent after Kafka was started until the
    last row of the backlog is noted as published. Memory is what the relay holds, in MiB."""
    folder.mkdir(parents=True, exist_ok=True)
    with _running(Hub(folder, database, kafka.address, "bench")) as (hub, key):
        address = str(hub.gateway.ready["http"])
        ingest.drive(address, ingest.posts(messages.ADMISSION, key, 2000), seconds=3, connections=8, rate=300)
        before = asyncio.run(_asked(database, LAST))
        asyncio.run(_drained(database, before))
        kafka.stop()
        try:
            many = ingest.posts(messages.ADMISSION, key, int(seconds * 6000), start=10_000)
            durable = ingest.drive(address, many, seconds=seconds, connections=64, rate=None)
            backlog = asyncio.run(_asked(database, LAST))
        finally:
            back = time.time()
            kafka.start()
        rate = durable["rate"] * ARRIVING
        more = ingest.posts(messages.ADMISSION, key, int(rate * (seconds + RECOVERY_SECONDS)) + 1, start=1_000_000)
        with _arriving(address, more, rate, seconds + RECOVERY_SECONDS) as arrived, _memory(hub) as memory:
            asyncio.run(_drained(database, backlog))
        rows, ended = asyncio.run(_drain(database, before, backlog))
        asyncio.run(_drained(database, asyncio.run(_asked(database, LAST))))
        records = asyncio.run(read_committed(kafka.address, TOPICS))
        begun = min(record.sent / 1000 for record in records if record.sent / 1000 > back)
        drained = rows / (ended - begun)
        return {
            "backlog": backlog - before,
            "durable_rate": durable["rate"],
            "arriving_rate": arrived["rate"],
            "drain_rate": round(drained, 1),
            "ratio": round(drained / durable["rate"], 2),
            "seconds_to_first": round(begun - back, 1),
            "records": len(records),
            "missing": asyncio.run(_asked(database, EVENTS)) - len({record.envelope.id for record in records}),
            "inversions": inversions(records),
            "memory_before_mib": memory[0],
            "memory_most_mib": max(memory),
        }


def inversions(records: list[TopicRecord]) -> int:
    """Records that stand behind a later one of their key: the first time that each event appears, and none is late."""
    highest: dict[tuple[str, str | None], int] = {}
    seen: set[str] = set()
    found = 0
    for record in records:
        envelope, of = record.envelope, (record.partition.topic, record.key)
        if envelope.id not in seen:
            found += envelope.sequence < highest.get(of, 0)
            highest[of] = max(highest.get(of, 0), envelope.sequence)
        seen.add(envelope.id)
    return found


@contextmanager
def _running(hub: Hub) -> Iterator[tuple[Hub, str]]:
    """A gateway and a relay, and the key of a source."""
    hub.command("migrate")
    named = ("--organisation", "RBD", "--sector", "acute", "--place", PLACE, "--pack", "hl7v2-itk", "--json")
    key = json.loads(hub.command("sources", "add", "bench-pas", *named))["key"]
    services = [service for service in (hub.gateway, hub.relay) if service is not None]
    try:
        for service in services:
            service.start()
        yield hub, key
    finally:
        for service in reversed(services):
            service.end()


@contextmanager
def _arriving(address: str, requests: list[str], rate: float, seconds: float) -> Iterator[dict[str, Any]]:
    """New events come in meanwhile, for at most so long; what tests.bench.client prints, once the block has ended."""
    told: dict[str, Any] = {}

    def drive() -> None:
        told.update(ingest.drive(address, requests, seconds=seconds, connections=16, rate=rate))

    load = threading.Thread(target=drive)
    load.start()
    try:
        yield told
    finally:
        load.join()


@contextmanager
def _memory(hub: Hub) -> Iterator[list[float]]:
    """What the relay holds, from the start of the block to its end, five times a second."""
    assert hub.relay is not None
    assert hub.relay.process is not None
    relay, ended = hub.relay.process.pid, threading.Event()
    found = [round(resident_mib(relay), 1)]

    def look() -> None:
        while not ended.wait(0.2):
            found.append(round(resident_mib(relay), 1))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        ended.set()
        looking.join()


async def _asked(database: str, question: str) -> int:
    connection = await asyncpg.connect(database)
    try:
        return int(await connection.fetchval(question))
    finally:
        await connection.close()


async def _drained(database: str, last: int) -> None:
    """Returns when all up to this row is published."""
    connection = await asyncpg.connect(database)
    try:
        async with asyncio.timeout(DRAINED_SECONDS):
            while await connection.fetchval(LEFT, last):
                await asyncio.sleep(0.25)
    finally:
        await connection.close()


async def _drain(database: str, before: int, backlog: int) -> tuple[int, float]:
    """Rows published, and when the last of the backlog was, in seconds since 1970."""
    connection = await asyncpg.connect(database)
    try:
        row = await connection.fetchrow(DRAIN, before, backlog)
        return int(row["rows"]), float(row["ended"])
    finally:
        await connection.close()
