"""`kill -9` of gateways and relays under load, on SQLite and PostgreSQL, with real Kafka: nothing acknowledged is lost.

A kill of a gateway counts only with a request in flight, a kill of a relay only with a kept, unpublished row: the
process is stopped first, so that what is then looked up still holds when it is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select

from gateway.store.models import outbox
from tests.crash.check import Verdict, judge, read_committed
from tests.crash.load import Load
from tests.processes import Service

KILLS = int(os.environ.get("CAREHUB_CRASH_KILLS", "20"))

Record = Callable[[str, object], None]

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@dataclass
class Hub:
    """One hub of real processes; with SQLite the gateway runs the relay itself."""

    folder: Path
    database_url: str
    bootstrap: str
    place: str
    seed: int = 20261123
    kills: dict[str, int] = field(default_factory=lambda: {"gateway": 0, "relay": 0})
    counted: str = ""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.environment = {
            "CAREHUB_DATA": str(self.folder),
            "DATABASE_URL": self.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
        }
        self.gateway = self._service("gateway", "--port", "0", "--mllp-port", "0")
        self.relay = None if self.sqlite else self._service("relay")

    @property
    def sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    def _service(self, *arguments: str) -> Service:
        return Service(list(arguments), self.environment, self.folder / f"{arguments[0]}.log")

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "carehub", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def unpublished(self) -> int:
        if not self.sqlite:
            return asyncio.run(_unpublished_postgres(self.database_url))
        engine = create_engine(self.database_url)
        with engine.connect() as connection:
            count = connection.execute(
                select(func.count()).select_from(outbox).where(outbox.c.published.is_(None))
            ).scalar_one()
        engine.dispose()
        return int(count)

    async def kill(self, role: str, service: Service, counts: Callable[[], Awaitable[bool]]) -> None:
        """Kills and restarts a service until it was hit KILLS times at a moment that counts."""
        while self.kills[role] < KILLS:
            await asyncio.sleep(self.random.uniform(0.3, 1.2))
            service.stop_then()
            counted = await counts()
            if counted:
                service.kill()
                self.kills[role] += 1
                await asyncio.to_thread(service.start)
            else:
                service.resume()


async def _unpublished_postgres(url: str) -> int:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE published IS NULL"))
    finally:
        await connection.close()


async def crash(hub: Hub) -> Verdict:
    key = json.loads(
        hub.command(
            "sources", "add", "crash-pas", "--organisation", "RBD", "--sector", "acute", "--place", hub.place,
            "--pack", "hl7v2-itk", "--json",
        )
    )["key"]  # fmt: skip
    services = [service for service in (hub.gateway, hub.relay) if service]
    for service in services:
        await asyncio.to_thread(service.start)
    load = Load(lambda: str(hub.gateway.ready["http"]), key)
    stop = asyncio.Event()
    try:
        running = asyncio.create_task(load.run(stop))

        async def in_flight() -> bool:
            await asyncio.sleep(0.05)  # what was answered before the stop is read by now
            return bool(load.pending)

        async def kept_unpublished() -> bool:
            for _ in range(40):
                if await asyncio.to_thread(hub.unpublished):
                    return True
                await asyncio.sleep(0.05)  # the gateway goes on keeping while the relay is stopped
            return False

        if hub.relay:
            await asyncio.gather(
                hub.kill("gateway", hub.gateway, in_flight), hub.kill("relay", hub.relay, kept_unpublished)
            )
        else:
            await hub.kill("gateway", hub.gateway, in_flight)
            await hub.kill("relay", hub.gateway, kept_unpublished)
        stop.set()
        await asyncio.wait_for(running, 60)
        assert not load.refused, f"refused with {sorted(set(load.refused))}"
        verdict = Verdict()
        for _ in range(60):
            verdict = judge(
                await read_committed(hub.bootstrap, f"care.{hub.place}.acute.v1"), load.acknowledged, load.receipts
            )
            if not verdict.missing:
                break
            await asyncio.sleep(1)
        hub.counted = (
            f"{'SQLite' if hub.sqlite else 'PostgreSQL'}: kills of a gateway {hub.kills['gateway']},"
            f" of a relay {hub.kills['relay']} · requests left unanswered {load.unanswered} · {verdict}"
        )
        return verdict
    finally:
        stop.set()
        for service in services:
            await asyncio.to_thread(service.end)


async def test_nothing_acknowledged_is_lost_on_sqlite(
    tmp_path: Path, kafka_server: str, record_property: Record
) -> None:
    hub = Hub(tmp_path, f"sqlite:///{tmp_path / 'hub.db'}", kafka_server, "crash-sqlite")
    hub.command("migrate", "hub")
    verdict = await crash(hub)
    record_property("counted", hub.counted)
    assert verdict.clean


@pytest.mark.postgres
async def test_nothing_acknowledged_is_lost_on_postgresql(
    tmp_path: Path, postgres_url: str, kafka_server: str, record_property: Record
) -> None:
    hub = Hub(tmp_path, postgres_url, kafka_server, "crash-postgresql")
    hub.command("migrate", "hub")
    verdict = await crash(hub)
    record_property("counted", hub.counted)
    assert verdict.clean
