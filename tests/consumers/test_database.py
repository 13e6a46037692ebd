"""An app's transaction ends in time, whatever becomes of its connection."""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy import Connection

from consumers.database import Database

pytestmark = pytest.mark.postgres


class BlackHole:
    """A proxy that passes everything on while it is `open`; then nothing comes through, and nobody is told."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._sinks: list[asyncio.StreamWriter] = []
        self.open = asyncio.Event()
        self.open.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, away = await asyncio.open_connection("127.0.0.1", self._to)
        self._sinks += (away, writer)
        for source, sink in ((reader, away), (there, writer)):
            self._tasks.add(asyncio.ensure_future(self._pass_on(source, sink)))

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await self.open.wait()
            sink.write(data)

    async def end(self) -> None:
        for sink in self._sinks:
            sink.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def one(connection: Connection) -> object:
    return connection.exec_driver_sql("SELECT 1").scalar()


async def test_a_connection_that_leads_nowhere_is_given_up(postgres_url: str) -> None:
    start, _, rest = postgres_url.rpartition(":")
    port, _, name = rest.partition("/")
    hole = BlackHole(int(port))
    server = await asyncio.start_server(hole.accept, "127.0.0.1", 0)
    url = f"{start}:{server.sockets[0].getsockname()[1]}/{name}"
    async with Database(url, longest=0.5) as database:
        assert await database.run(one) == 1
        hole.open.clear()
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            await database.run(one)
        assert time.monotonic() - begun < 5
        hole.open.set()
        assert await database.run(one) == 1
        begun = time.monotonic()
    assert time.monotonic() - begun < 10, "nor does anybody wait for it to be closed: the proxy never says so"
    await hole.end()
    server.close()
