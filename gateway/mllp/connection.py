"""One MLLP connection: frames in, acknowledgements out, one message at a time and in the order they came.

While a message is taken in, nothing more is read: TCP holds the sender back, so that what a connection costs is bounded
however fast it sends. What was read ahead is at most one buffer of frames.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

import structlog

from contract.errors import CarehubError, Code, Issue, Refusal, TooLarge, Unauthenticated, refuse
from gateway.delivery import Delivery
from gateway.limits import InFlight, Limits
from gateway.mllp.ack import acknowledgement
from gateway.mllp.answer import Answer, Verdict, answer_of, codes
from gateway.mllp.framing import Frame, Framer, NotMllp, enframed
from gateway.mllp.header import Header, read_header
from gateway.ops.faults import incident_of
from gateway.ops.metrics import Metrics
from gateway.reception import Fault, Reception
from gateway.source import Ack, Principal
from mappings import formats

CONTENT_TYPE: Final = "application/hl7-v2"
_READ_BYTES: Final = 64 * 1024

WhoSent: TypeAlias = Callable[[], Awaitable[Principal]]
"""Asks the door anew for each message, so that a source disabled meanwhile is refused. Raises Refusal."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Desk:
    """What all connections of a gateway share."""

    reception: Reception
    limits: Limits
    in_flight: InFlight
    metrics: Metrics


class HungUp(CarehubError):
    """The hub ends the connection. `reason` is a label of the metric `mllp_connections_closed`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Connection:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who_sent: WhoSent, desk: Desk, label: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._who_sent = who_sent
        self._desk = desk
        self._label = label
        self._framer = Framer(desk.limits.message)
        self._counted = 0
        self._frame_begun: float | None = None
        self._busy = False
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        """Until the peer leaves, breaks the rules, or `stop` is called. Never raises for what a peer can do."""
        try:
            await self._who_sent()
            while not self._stopping.is_set() and (data := await self._read()):
                self._busy = True
                for frame in self._framed(data):
                    await self._answer(frame)
                    if self._stopping.is_set():
                        break
                self._busy = False
        except HungUp as hung_up:
            self._desk.metrics.closed(hung_up.reason)
            log.info("mllp-connection-closed", source=self._label, reason=hung_up.reason)
        except Refusal as refusal:
            self._desk.metrics.refused(self._label, "mllp", refusal.code)
            log.info("mllp-connection-refused", source=self._label, code=str(refusal.code))
        except OSError:
            log.info("mllp-connection-lost", source=self._label)
        except Exception as fault:  # noqa: BLE001 asyncio would log its text, which may quote a message
            log.warning("mllp-connection-failed", source=self._label, **incident_of(fault).as_fields())
        finally:
            self._desk.in_flight.shrinks(self._counted)
            self._writer.close()

    def stop(self) -> None:
        """Ends the connection: at once when it is idle, else after the answer to the message at hand."""
        self._stopping.set()
        if not self._busy:
            self._writer.close()

    async def _read(self) -> bytes:
        limits = self._desk.limits
        patience, reason = limits.idle_seconds, "idle"
        if self._framer.in_frame:
            self._frame_begun = self._frame_begun or time.monotonic()
            patience, reason = self._frame_begun + limits.frame_seconds - time.monotonic(), "frame-too-slow"
        else:
            self._frame_begun = None
        try:
            async with asyncio.timeout(patience):
                return await self._reader.read(_READ_BYTES)
        except TimeoutError:
            raise HungUp(reason) from None

    def _framed(self, data: bytes) -> list[Frame]:
        try:
            frames = self._framer.feed(data)
        except NotMllp:
            raise HungUp("not-mllp") from None
        if frames:
            self._frame_begun = None
        grown = self._framer.held - self._counted
        if grown > 0 and not self._desk.in_flight.grows(grown):
            raise HungUp("too-many")
        if grown < 0:
            self._desk.in_flight.shrinks(-grown)
        self._counted = self._framer.held
        return frames

    async def _answer(self, frame: Frame) -> None:
        """Takes in each message of a frame and acknowledges it before the next one."""
        for message in self._messages(frame):
            header = read_header(message)
            answer, kept = await self._outcome(message, frame.oversized)
            wanted = codes(answer, header.accept_ack, header.application_ack)
            for code in wanted:
                await self._write(_acknowledged(header, code, answer))
            if answer.code is Code.UNAUTHENTICATED or (not wanted and not kept):
                raise HungUp("refused")

    def _messages(self, frame: Frame) -> Iterator[bytes]:
        """Usually one. What cannot be split is taken in whole, and refused there with the reason."""
        if frame.oversized:
            yield frame.content
            return
        try:
            parts = formats.split(frame.content, CONTENT_TYPE)
            if parts is None:
                yield frame.content
                return
            bodies = [part.body for part in parts]
        except Refusal:
            bodies = [frame.content]
        yield from bodies

    async def _outcome(self, message: bytes, oversized: bool) -> tuple[Answer, bool]:
        """The answer, and whether the message is kept (accepted, or as a dead letter)."""
        ack = Ack.WHEN_MAPPED
        try:
            principal = await self._who_sent()
            ack = principal.source.ack if principal.source else ack
            if oversized:
                text = f"a message may have {self._desk.limits.message} bytes; send a smaller one"
                raise refuse(TooLarge, Code.TOO_LARGE, text)
            delivery = Delivery(principal, message, CONTENT_TYPE, datetime.now(UTC))
            await self._desk.reception.receive(delivery, "mllp")
        except Refusal as refusal:
            if isinstance(refusal, TooLarge | Unauthenticated):
                self._desk.metrics.refused(self._label, "mllp", refusal.code)
            return answer_of(refusal, ack), refusal.kept
        except Fault as fault:
            text = f"the hub failed; nothing was kept, send the message again (incident {fault.incident.id})"
            return Answer(Verdict.ERROR, (Issue(Code.INTERNAL_ERROR, "", text, retryable=True),)), False
        return Answer(Verdict.ACCEPTED), True

    async def _write(self, message: bytes) -> None:
        if self._writer.transport.is_closing():  # uvloop: a RuntimeError, as if the fault were ours
            raise ConnectionResetError
        self._writer.write(enframed(message))
        try:
            async with asyncio.timeout(self._desk.limits.answer_seconds):
                await self._writer.drain()
        except TimeoutError:
            self._writer.transport.abort()
            raise HungUp("not-read") from None


def _acknowledged(header: Header, code: str, answer: Answer) -> bytes:
    return acknowledgement(header, code, answer.issues, secrets.token_hex(10), datetime.now(UTC))
