"""Reads a request's body within its limits: size before memory, time before patience."""

from __future__ import annotations

import asyncio
from typing import Final

from contract.errors import CarehubError, Code, TooLarge, TooMany, refuse
from gateway.http.exchange import Asked
from gateway.limits import InFlight

_LONGEST_NUMBER: Final = 19


class SenderLeft(CarehubError):
    """The sender went away before its body was complete: there is nobody to answer."""


class TooSlow(CarehubError):
    """The body did not come whole in the time it has."""


class Body:
    """`async with Body(…) as body`: the whole body, counted as in flight until the block ends.

    Raises TooLarge as soon as it is known to exceed `limit` bytes, without reading on; TooMany when this gateway holds
    as many bytes as it may; TooSlow; SenderLeft.
    """

    __slots__ = ("_asked", "_counted", "_in_flight", "_limit", "_seconds")

    def __init__(self, asked: Asked, limit: int, seconds: float, in_flight: InFlight) -> None:
        self._asked = asked
        self._limit = limit
        self._seconds = seconds
        self._in_flight = in_flight
        self._counted = 0

    async def __aenter__(self) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._read()
        except TimeoutError:
            self._in_flight.shrinks(self._counted)
            raise TooSlow("the body") from None
        except BaseException:
            self._in_flight.shrinks(self._counted)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._in_flight.shrinks(self._counted)

    async def _read(self) -> bytes:
        if _declared_length(self._asked) > self._limit:
            raise self._too_large()
        chunks: list[bytes] = []
        more = True
        while more:
            message = await self._asked.receive()
            if message["type"] == "http.disconnect":
                raise SenderLeft("before the end of the body")
            chunk: bytes = message.get("body", b"")
            if self._counted + len(chunk) > self._limit:
                raise self._too_large()
            if not self._in_flight.grows(len(chunk)):
                raise refuse(TooMany, Code.TOO_MANY, "too many large bodies at once; send it again a little later")
            self._counted += len(chunk)
            chunks.append(chunk)
            more = message.get("more_body", False)
        self._asked.body_read = True
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _too_large(self) -> Exception:
        return refuse(TooLarge, Code.TOO_LARGE, f"the body may have at most {self._limit} bytes here; split it")


def _declared_length(asked: Asked) -> int:
    """0 when the sender states none: then it is counted while reading."""
    stated = asked.headers.get(b"content-length", b"")
    return int(stated) if stated.isdigit() and len(stated) < _LONGEST_NUMBER else 0
