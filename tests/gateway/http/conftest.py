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

from contract.identifiers import PersonKeys
from gateway.door import Door
from gateway.files import Files
from gateway.http.app import make_app
from gateway.http.front import Front
from gateway.hub import Hub
from gateway.limits import InFlight, Limits
from gateway.ops.health import Check, Finding, Health
from gateway.ops.metrics import Metrics
from gateway.reception import Reception
from gateway.store.entry import StoreKeys
from tests.gateway.fakes import KEY, FakeIntake, FakeRegister


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
def hub() -> Hub:
    """The doors hand the hub on; what looks into it has tests of its own on a real store."""
    return cast("Hub", None)


@pytest.fixture
async def house(limits: Limits, hub: Hub) -> AsyncIterator[House]:
    intake, register, metrics = FakeIntake(), FakeRegister.usual(), Metrics()

    async def look() -> Finding:
        return Finding(True, detail={"sources": ["dch-pas"]})

    health = Health([Check("database", look)])
    await health.look()
    reception = Reception(intake, metrics, unavailable=health.look_soon)
    front = Front(hub, Door(register), Files(hub, StoreKeys(PersonKeys(b"p" * 32), b"m" * 32)), reception, health, metrics, limits, InFlight(limits.in_flight))
    async with serving(make_app(front)) as port:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=5) as client:
            yield House(port, front, intake, register, client)


@contextlib.asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """The application on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", 0, log_config=None, lifespan="off", access_log=False))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(5):
        while not server.started:
            await asyncio.sleep(0.005)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task
