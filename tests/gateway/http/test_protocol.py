"""The head of a request has bounds in time and size; everything behind it is as usual."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.http.protocol import HEAD_BYTES, PatientProtocol
from tests.gateway.fakes import KEY
from tests.gateway.http.conftest import House

ADT = b"MSH|^~\\&|PAS|RBD|HUB|QVV|20260101||ADT^A01^ADT_A01|C1|P|2.4\rPID|1\r"
HEAD = f"POST /events HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {KEY}\r\nContent-Type: text/plain\r\n".encode()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", 0.3)


@contextlib.asynccontextmanager
async def connected(house: House) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def closed(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionResetError):
        return await asyncio.wait_for(reader.read(), 5) == b""
    return True


@pytest.mark.parametrize("begun", [b"", b"POST /ev", HEAD, b"\r\n"], ids=["nothing", "line", "headers", "blank"])
async def test_a_head_that_does_not_come_whole_is_given_up(house: House, begun: bytes) -> None:
    async with connected(house) as (reader, writer):
        writer.write(begun)
        assert await closed(reader)


async def test_a_head_that_trickles_is_given_up(house: House) -> None:
    async with connected(house) as (reader, writer), asyncio.timeout(5):
        writer.write(HEAD + b"X-Slow: ")
        ended = asyncio.ensure_future(closed(reader))
        while not ended.done():
            writer.write(b"x")
            await asyncio.wait({ended}, timeout=0.02)


async def test_headers_without_end_are_given_up_before_they_cost_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", 60)
    async with connected(house) as (reader, writer):
        writer.write(HEAD)
        for _ in range(2 * HEAD_BYTES // 1000):
            writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
        assert await closed(reader)
    assert not house.intake.taken


async def test_a_connection_serves_request_after_request(house: House) -> None:
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(ADT) + ADT
    async with connected(house) as (reader, writer):
        for _ in range(3):
            writer.write(request[:40])
            await asyncio.sleep(0.05)
            writer.write(request[40:])
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert head.startswith(b"HTTP/1.1 202")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
    assert len(house.intake.taken) == 3


async def test_the_time_of_a_head_is_not_that_of_the_answer(house: House) -> None:
    house.intake.gate = asyncio.Event()
    async with connected(house) as (reader, writer):
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(ADT) + ADT)
        await asyncio.sleep(0.5)
        house.intake.gate.set()
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)).startswith(b"HTTP/1.1 202")
