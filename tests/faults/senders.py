"""The load: persons whose events are numbered. A sender waits for its answer before it sends the person's next event;
without an answer it sends the same message again, to the next gateway."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tests.faults.ledger import Answer, Ledger
from tests.faults.persons import FILES, HTTP, MLLP, Message, Source, poison, text_of

ANSWER_SECONDS: Final = 6.0
"""How long a sender waits before it takes the answer for lost."""

AGAIN_SECONDS: Final = 0.5
MLLP_CONNECTIONS: Final = 8
FILE_EVENTS: Final = 4
"""Of each person, in a file."""

FILE_SECONDS: Final = 2.0
"""Between two files."""

Address: TypeAlias = tuple[str, int]
Send: TypeAlias = Callable[[bytes], Awaitable[Answer]]


class Line:
    """One connection to one gateway, opened when it is needed and dropped when an answer does not come."""

    def __init__(self, address: Address, gateway: int, ledger: Ledger) -> None:
        self._address = address
        self._gateway = gateway
        self._ledger = ledger
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(
        self, request: bytes, read: Callable[[asyncio.StreamReader], Awaitable[Answer]], ticket: object
    ) -> Answer:
        """Sends a request and reads its answer. Never raises for what a network or a gateway can do."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(*self._address)
        except (OSError, TimeoutError):
            return self._told(Answer.UNREACHABLE)
        reader, writer = self._streams
        self._ledger.pending[ticket] = self._gateway
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                writer.write(request)
                return self._told(await read(reader))
        except (OSError, EOFError, TimeoutError, ValueError):
            self.drop()
            return self._told(Answer.LOST)
        finally:
            self._ledger.pending.pop(ticket, None)

    def drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    def _told(self, answer: Answer) -> Answer:
        self._ledger.attempts[answer] += 1
        return answer


async def read_http(reader: asyncio.StreamReader) -> Answer:
    """The answer to POST /events (docs/send.md)."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    await reader.readexactly(length)
    if status in (200, 202):
        return Answer.ACKNOWLEDGED
    return Answer.LATER if status == 503 else Answer.REFUSED


async def read_mllp(reader: asyncio.StreamReader) -> Answer:
    """MSA-1 of the acknowledgement; an error that says to send the message again is no refusal."""
    frame = await reader.readuntil(b"\x1c\r")
    code = frame.split(b"\rMSA|", 1)[1][:2]
    if code == b"AA":
        return Answer.ACKNOWLEDGED
    return Answer.LATER if b"send it again" in frame else Answer.REFUSED


class HttpSender:
    """One sender's lines to each gateway; the next is tried when one does not answer."""

    def __init__(self, addresses: Sequence[Address], key: str, ledger: Ledger, start: int) -> None:
        self._lines = [Line(address, number, ledger) for number, address in enumerate(addresses)]
        self._key = key
        self._turn = start

    async def __call__(self, body: bytes) -> Answer:
        line = self._lines[self._turn % len(self._lines)]
        head = (
            "POST /events HTTP/1.1\r\nHost: hub\r\nContent-Type: application/hl7-v2\r\n"
            f"Authorization: Bearer {self._key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answer = await line.exchange(head.encode() + body, read_http, (self, body))
        self._turn += answer is not Answer.ACKNOWLEDGED
        return answer

    def drop(self) -> None:
        for line in self._lines:
            line.drop()


class MllpSender:
    """The same by MLLP: several persons share a connection, which takes one message at a time."""

    def __init__(self, addresses: Sequence[Address], ledger: Ledger, start: int) -> None:
        self._lines = [Line(address, number, ledger) for number, address in enumerate(addresses)]
        self._turn = start
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, body: bytes) -> Answer:
        async with self._one_at_a_time:
            line = self._lines[self._turn % len(self._lines)]
            answer = await line.exchange(b"\x0b" + body + b"\x1c\r", read_mllp, (self, body))
            self._turn += answer is not Answer.ACKNOWLEDGED
            return answer

    def drop(self) -> None:
        for line in self._lines:
            line.drop()


@dataclass
class Load:
    """`http` and `mllp` are the gateways' doors; without the latter nothing is sent by it. `keys` are those of the
    sources that send by HTTP. `pause` is how long a person rests between two events, in seconds. While `twice` is set,
    each message is sent a second time by another sender, beside the first."""

    http: Sequence[Address]
    mllp: Sequence[Address]
    keys: Mapping[str, str]
    ledger: Ledger
    pause: float
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    twice: bool = False
    poisoned: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> None:
        """Sends until `stop` is set; then each person's last message is resent until it is answered."""
        lines = [MllpSender(self.mllp, self.ledger, number) for number in range(MLLP_CONNECTIONS)]
        clients = [self._by_http(HTTP, number) for number in range(2 * HTTP.persons)]
        try:
            async with asyncio.TaskGroup() as group:
                for person in range(HTTP.persons):
                    sender, other = clients[person], clients[HTTP.persons + person]
                    group.create_task(self._person(HTTP, person, sender, other))
                if FILES.id in self.keys:
                    clients.append(self._by_http(FILES, 0))
                    group.create_task(self._files(clients[-1]))
                for person in range(MLLP.persons if self.mllp else 0):
                    line, beside = lines[person % MLLP_CONNECTIONS], lines[(person + 1) % MLLP_CONNECTIONS]
                    group.create_task(self._person(MLLP, person, line, beside))
        finally:
            for each in (*lines, *clients):
                each.drop()
            await asyncio.sleep(0)  # in which the connections are gone

    async def send_poison(self) -> None:
        """One message that must be refused and kept, by each door."""
        for source, sender in (
            (HTTP, self._by_http(HTTP, 0)),
            (MLLP, MllpSender(self.mllp, self.ledger, 0)),
        ):
            body = poison(source, next(self.poisoned))
            answer = await self._until_answered(sender, body)
            sender.drop()
            if answer is Answer.REFUSED:
                self.ledger.refuse(body)
            else:
                self.ledger.surprises.append(f"a message that cannot be mapped was {answer}")

    async def _person(self, source: Source, person: int, send: Send, other: Send) -> None:
        await asyncio.sleep(self.pause * person / source.persons)
        for number in itertools.count(1):
            if self.stop.is_set():
                return
            message = Message(source.id, person, number)
            body = text_of(message)
            if self.twice:
                answer, _ = await asyncio.gather(self._until_answered(send, body), other(body))
            else:
                answer = await self._until_answered(send, body)
            if answer is Answer.ACKNOWLEDGED:
                self.ledger.acknowledged.add(message)
            else:
                self.ledger.surprises.append(f"{message.control_id} was {answer}")
            await asyncio.sleep(self.pause)

    async def _files(self, send: HttpSender) -> None:
        """A file is acknowledged when it is durable, and with it all its rows; one of them must be refused and kept."""
        for first in itertools.count(1, FILE_EVENTS):
            if self.stop.is_set():
                return
            numbers = range(first, first + FILE_EVENTS)
            messages = [Message(FILES.id, person, number) for number in numbers for person in range(FILES.persons)]
            rows = [text_of(message) for message in messages]
            bad = poison(FILES, next(self.poisoned))
            rows.insert(len(rows) // 2, bad)
            answer = await self._until_answered(send, b"".join(rows))
            if answer is Answer.ACKNOWLEDGED:
                self.ledger.acknowledged.update(messages)
                self.ledger.refuse(bad)
            else:
                self.ledger.surprises.append(f"a file was {answer}")
            await asyncio.sleep(FILE_SECONDS)

    def _by_http(self, source: Source, start: int) -> HttpSender:
        return HttpSender(self.http, self.keys[source.id], self.ledger, start)

    @staticmethod
    async def _until_answered(send: Send, body: bytes) -> Answer:
        while (answer := await send(body)) in (Answer.LATER, Answer.LOST, Answer.UNREACHABLE):
            await asyncio.sleep(AGAIN_SECONDS)
        return answer
