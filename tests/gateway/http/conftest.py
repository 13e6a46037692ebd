"""A gateway's HTTP door: on real sockets, since what is tested is how it meets real senders."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest
import uvicorn

from gateway.consumption import ConsumerGroups
from gateway.door import Door
from gateway.files import Files
from gateway.http.app import make_app
from gateway.http.front import Front
from gateway.http.protocol import PatientProtocol
from gateway.hub import Hub
from gateway.limits import InFlight, Limits
from gateway.ops.health import Check, Finding, Health
from gateway.ops.metrics import Metrics
from gateway.reception import Reception, Take
from gateway.stories import Stories
from tests.gateway.fakes import KEY, FakeIntake, FakeRegister
from tests.gateway.store.making import KEYS


@dataclass
class House:
    """The door and what stands behind it. `finding` is what the health check finds."""

    port: int
    front: Front
    intake: FakeIntake
    register: FakeRegister
    client: httpx.AsyncClient

    async def send(self, body: bytes, content_type: str = "application/hl7-v2", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/events", content=body, headers={"Content-Type": content_type, **named})

    @contextlib.asynccontextmanager
    async def raw(self, head: str, key: str = KEY) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection on which the head of a request stands already."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{head}\r\nHost: hub\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@pytest.fixture
def limits() -> Limits:
    return Limits(message=10_000, file=20_000, in_flight=50_000, body_seconds=0.3)


@pytest.fixture
async def house(limits: Limits) -> AsyncIterator[House]:
    """In front of an intake that answers what it is told. What looks into the hub has tests of its own."""
    intake = FakeIntake()
    async with opened(cast("Hub", None), intake, FakeRegister.usual(), limits) as (port, front, client):
        yield House(port, front, intake, cast("FakeRegister", front.door._register), client)


@contextlib.asynccontextmanager
async def opened(
    hub: Hub, take: Take, register: FakeRegister, limits: Limits, kafka: str | None = None
) -> AsyncIterator[tuple[int, Front, httpx.AsyncClient]]:
    """The door on a free port, and a client that holds the key of the usual source. `kafka` is where it asks who has
    consumed what."""

    async def look() -> Finding:
        return Finding(True, detail={"sources": ["dch-pas"]})

    health, metrics = Health([Check("database", look)]), Metrics()
    await health.look()
    reception = Reception(take, metrics, unavailable=health.look_soon)
    stories = Stories(hub and hub.database, ConsumerGroups(kafka))
    files, in_flight = Files(hub, KEYS), InFlight(limits.in_flight)
    front = Front(hub, Door(register), files, reception, stories, KEYS, health, metrics, limits, in_flight)
    async with serving(make_app(front)) as port:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=5) as client:
            yield port, front, client


@contextlib.asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """The application on a free port of this machine."""
    config = uvicorn.Config(
        app, "127.0.0.1", 0, http=PatientProtocol, ws="none", log_config=None, lifespan="off", access_log=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(5):
        while not server.started:
            await asyncio.sleep(0.005)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task
