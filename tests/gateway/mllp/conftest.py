"""Listeners on a free port in front of a fake intake, and a client that speaks MLLP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.door import Door
from gateway.limits import InFlight, Limits
from gateway.mllp.connection import Desk
from gateway.mllp.framing import Framer, enframed
from gateway.mllp.listeners import Listeners
from gateway.ops.metrics import Metrics
from gateway.reception import Reception
from gateway.source import Source
from tests.gateway.fakes import SOURCE, FakeIntake, FakeRegister, principal


@dataclass
class Peer:
    """One client connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _framer: Framer = field(default_factory=lambda: Framer(1_000_000))
    _answers: list[bytes] = field(default_factory=list)

    async def send(self, *messages: bytes) -> None:
        await self.send_raw(b"".join(enframed(message) for message in messages))

    async def send_raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> bytes:
        """The next acknowledgement, b"" when the hub has closed the connection."""
        while not self._answers:
            try:
                data = await asyncio.wait_for(self.reader.read(65536), 5)
            except ConnectionResetError:  # closed while we were writing
                return b""
            if not data:
                return b""
            self._answers += [frame.content for frame in self._framer.feed(data)]
        return self._answers.pop(0)

    async def ask(self, message: bytes) -> bytes:
        await self.send(message)
        return await self.answer()


@dataclass
class Site:
    """Listeners, what stands behind them, and the ports that sources are bound to."""

    port: int
    intake: FakeIntake
    register: FakeRegister
    bound: dict[int, str]
    metrics: Metrics
    listeners: Listeners
    in_flight: InFlight

    def bind(self, port: int, source: Source = SOURCE) -> None:
        self.register.by_number[port] = principal(source)
        self.bound[port] = source.id

    @asynccontextmanager
    async def peer(self, port: int | None = None) -> AsyncIterator[Peer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.port)
        try:
            yield Peer(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def limits() -> Limits:
    return Limits(message=100_000)


@pytest.fixture
async def site(limits: Limits) -> AsyncIterator[Site]:
    intake, register, metrics = FakeIntake(), FakeRegister(), Metrics()
    in_flight = InFlight(limits.in_flight)
    desk = Desk(Reception(intake, metrics), limits, in_flight, metrics)
    bound: dict[int, str] = {}

    async def bound_ports() -> Mapping[int, str]:
        return dict(bound)

    listeners = Listeners("127.0.0.1", Door(register, believed=0.0), bound_ports, desk, poll=0.05)
    site = Site(free_port(), intake, register, bound, metrics, listeners, in_flight)
    site.bind(site.port)
    await listeners.start()
    yield site
    await listeners.stop(patience=1.0)
