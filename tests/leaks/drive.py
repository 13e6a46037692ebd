"""Drives every door and address, and keeps what is answered in pieces; what was driven is counted, so that a new
address or refusal that nobody drives is told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import httpx

from gateway.mllp.framing import Framer, enframed
from tests.leaks.channels import Channel, Piece
from tests.leaks.marks import NHS_NUMBER, PHONE, TEXT, WORD
from tests.leaks.messages import HL7, JSON, Message, broken, hl7, swept, unlike_headers, whole
from tests.leaks.site import Site, bearer

AT_ONCE: Final = 8
ANSWER_SECONDS: Final = 60.0
PREVIEWED: Final = 10
MLLP_TOO: Final = 10
"""One in so many of the swept messages is previewed too, and sent by MLLP: the places are the same."""

SLOW_SENDERS: Final = 520
"""More requests than one source may have open (gateway.limits)."""

_CODE: Final = re.compile(rb'"code":"([a-z0-9-]+)"')
_NOBODY: Final = ("", "x" + WORD)


@dataclass
class Driven:
    """What was answered, and what was driven by it: `routes` as (method, template), `codes` of refusals and notes, and
    the ids that receipts named, by the address that shows them."""

    site: Site
    pieces: list[Piece] = field(default_factory=list)
    routes: set[tuple[str, str]] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    ids: dict[str, list[str]] = field(default_factory=lambda: {"messages": [], "events": [], "batches": []})
    statuses: set[tuple[str, int]] = field(default_factory=set)

    def answered(self, template: str, who: str, response: httpx.Response) -> None:
        request = response.request
        self.routes.add((request.method, template))
        self.statuses.add((f"{request.method} {template}", response.status_code))
        place = f"{request.method} {template} as {who} {response.status_code}"
        channel = Channel.METRIC if template == "/metrics" else Channel.ANSWER
        self.pieces.append(Piece(channel, f"{place} body", response.content))
        for name, value in response.headers.items():
            self.pieces.append(Piece(Channel.ANSWER, f"{place} header {name}", value.encode()))
        self.codes.update(code.decode() for code in _CODE.findall(response.content))
        self._remember(response)

    def acknowledged(self, answer: bytes) -> None:
        for segment in answer.split(b"\r"):
            name, fields = segment[:3].decode(), segment.split(segment[3:4] if segment[:3] == b"MSH" else b"|")
            if name == "MSH":
                self.pieces.append(Piece(Channel.ACKNOWLEDGEMENT, name, segment))
                continue
            for number, value in enumerate(fields[1:], 1):
                self.pieces.append(Piece(Channel.ACKNOWLEDGEMENT, f"{name}-{number}", value))
            if name == "ERR" and len(fields) > 5:
                self.codes.add(fields[5].partition(b"^")[0].decode())

    def _remember(self, response: httpx.Response) -> None:
        where = response.headers.get("location", "")
        if where.count("/") == 2:
            _, kind, id_ = where.split("/")
            self.ids[kind].append(id_)
        if '"events":[{"id"' in response.text and response.status_code in (200, 202):
            self.ids["events"] += [event["id"] for event in response.json().get("events", ())]


async def drive_doors(driven: Driven) -> None:
    """Every message through its door; several at once, since nobody waits for order here."""
    site = driven.site
    async with client(site) as http:
        for messages in (whole(), broken()):
            for message in messages:
                for template in ("/events/preview", message.address, message.address):  # the last one is a repeat
                    await _send(driven, http, message, template)
        await _all(_send(driven, http, message, message.address) for message in swept())
        previewed = itertools.islice(swept(), 0, None, PREVIEWED)
        await _all(_send(driven, http, message, "/events/preview") for message in previewed)
        for headers in unlike_headers():
            for message in (("leaks-pas", HL7, hl7()), ("leaks-mhsds", JSON, b"{}")):
                await _send(driven, http, Message("headers", *message, headers), "/events")
        for key in range(2):
            body = b"a,b\n%d,2\n" % key
            await _send(
                driven, http, Message("file", "leaks-cld", "text/csv", body, {"idempotency-key": WORD}), "/events"
            )
    for port in site.ports.values():
        await _talk_hl7(driven, port, None)
    await _talk_hl7(driven, *site.tls)


async def _send(driven: Driven, http: httpx.AsyncClient, message: Message, template: str) -> None:
    headers = {**bearer(driven.site.keys[message.source]), "content-type": message.content_type, **message.headers}
    driven.answered(template, "a source", await http.post(template, content=message.body, headers=headers))


async def _all(sending: Iterable[Any]) -> None:
    some = iter(sending)
    while batch := list(itertools.islice(some, AT_ONCE)):
        await asyncio.gather(*batch)


async def _talk_hl7(driven: Driven, port: int, context: ssl.SSLContext | None) -> None:
    """Every HL7 message on one connection, and what is no HL7 on others."""
    bodies = [m.body for m in (*whole(), *broken()) if m.content_type == HL7 and m.body]
    if context is None:
        bodies += [m.body for m in itertools.islice(swept(), 0, None, MLLP_TOO) if m.content_type == HL7]
    for old in ("2.3", "2.5"):
        bodies += [hl7(version=old, born=TEXT), hl7(version=old, kind=f"ADT^{WORD}"), hl7(version=old, control=TEXT)]
    await talk(driven, port, bodies, context)
    for garbage in (TEXT.encode() * 3000, b"\x0b" + TEXT.encode(), f"GET /{WORD} HTTP/1.1\r\n\r\n".encode()):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(garbage)
        with contextlib.suppress(OSError):  # the hub hangs up
            writer.write_eof() if context is None else writer.close()
            await asyncio.wait_for(reader.read(), ANSWER_SECONDS)
        writer.close()


async def talk(driven: Driven, port: int, bodies: Iterable[bytes], context: ssl.SSLContext | None = None) -> None:
    """Messages by MLLP, each after the answer to the one before it; on a new connection when the hub has hung up."""
    peer: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for body in bodies:
        reader, writer = peer = peer or await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(enframed(body))
        framer, frames = Framer(1_000_000), []
        while not frames and (data := await asyncio.wait_for(reader.read(65536), ANSWER_SECONDS)):
            frames = framer.feed(data)
        for frame in frames:
            driven.acknowledged(frame.content)
        if not frames:
            writer.close()
            peer = None
    if peer is not None:
        peer[1].close()


async def drive_addresses(driven: Driven) -> None:
    """Every address of /openapi.json, and some that are none, as everybody, with marks in each part of the request."""
    site = driven.site
    async with client(site) as http:
        document = (await http.get("/openapi.json")).json()
        people = {"nobody": _NOBODY[0], "a stranger": _NOBODY[1], "a source": site.keys["leaks-pas"]}
        people |= {"another source": site.keys["leaks-ward"], "a paused source": site.keys["leaks-paused"]}
        people |= {"a viewer": site.keys["view"], "an operator": site.keys["operate"]}
        for template, operations in document["paths"].items():
            for method, operation in operations.items():
                for who, key in people.items():
                    for request in _requests(driven, method.upper(), template, operation):
                        headers = {**bearer(key), **_MARKED, **request.pop("headers", {})}
                        response = await http.send(http.build_request(**request, headers=headers))
                        driven.answered(template, who, response)
        for method, path in (("GET", f"/patients/{WORD}"), ("DELETE", f"/messages/{WORD}"), ("PUT", "/events")):
            response = await http.request(method, path, content=TEXT.encode(), params={WORD: TEXT}, headers=_MARKED)
            driven.pieces.append(
                Piece(Channel.ANSWER, f"{method} nowhere {response.status_code} body", response.content)
            )
    await _drive_noise(driven)
    await _drive_too_many(driven)


_MARKED: Final = {"x-request-id": f"{WORD}-{NHS_NUMBER}", "x-correlation-id": PHONE, "user-agent": WORD}


def _requests(driven: Driven, method: str, template: str, operation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Plain, with each parameter marked, with a parameter that is none, with real ids and with a marked one."""
    kind = template.split("/")[1]
    ids = [WORD, quote(TEXT, safe=""), *driven.ids.get(kind, [])[:3]] if "{id}" in template else [""]
    if template == "/deadletters/{id}":
        ids += driven.ids["letters"][:3]
    for id_ in ids:
        url = template.replace("{id}", id_)
        names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
        for params in ({}, {WORD: TEXT}, *({name: mark} for name in names for mark in (WORD, TEXT))):
            yield {"method": method, "url": url, "params": params}
    for body in _bodies(driven, operation):
        for kind in (*list(operation["requestBody"]["content"])[:1], WORD):
            yield {"method": method, "url": template, "content": body, "headers": {"content-type": kind}}


def _bodies(driven: Driven, operation: Mapping[str, Any]) -> Iterator[bytes]:
    if "requestBody" not in operation:
        return
    yield TEXT.encode()
    yield json.dumps({WORD: TEXT}).encode()
    for member in ("letter", "group", "after", "limit", "reason"):
        yield json.dumps({"letter": driven.ids["letters"][0], member: TEXT + "\x07", WORD: NHS_NUMBER}).encode()
        yield json.dumps({"group": driven.ids["groups"][0], member: [TEXT]}).encode()


async def drive_letters(driven: Driven) -> None:
    """Dead letters as an operator works them by HTTP: lists, each of a page, preview and retry of every group."""
    site = driven.site
    async with client(site) as http:
        operator = bearer(site.keys["operate"])

        async def ask(method: str, template: str, **options: Any) -> Any:
            path = options.pop("path", template)
            kind = {"content-type": "application/json"} if "json" in options else {}
            response = await http.request(method, path, headers={**operator, **kind}, **options)
            driven.answered(template, "an operator", response)
            return response.json()

        groups = (await ask("GET", "/deadletters", params={"limit": 1000}))["groups"]
        letters = (await ask("GET", "/deadletters/letters", params={"limit": 1000}))["letters"]
        driven.ids |= {"groups": [each["group"] for each in groups], "letters": [each["id"] for each in letters]}
        for letter in letters[::10]:
            await ask("GET", "/deadletters/{id}", path=f"/deadletters/{letter['id']}")
        for at in ("/deadletters/preview", "/deadletters/retry"):
            for group in groups:
                await ask("POST", at, json={"group": group["group"], "limit": 5})
        await ask("POST", "/deadletters/discard", json={"letter": letters[-1]["id"], "reason": "made up"})
        for template in ("/metrics", "/health", "/topics"):
            response = await http.get(template, headers=operator)
            driven.answered(template, "an operator", response)


async def _drive_noise(driven: Driven) -> None:
    """What is no HTTP, and a sender that goes away in the middle."""
    host, _, port = driven.site.http.removeprefix("http://").partition(":")
    head = f"POST /events HTTP/1.1\r\nhost: {WORD}\r\nauthorization: Bearer {driven.site.keys['leaks-pas']}\r\n"
    for noise in (
        f"{WORD} {TEXT}\r\n\r\n",
        f"GET /{WORD} HTTP/9.9\r\n{WORD}\r\n\r\n",
        f"{head}content-type: {HL7}\r\ncontent-length: 9999\r\n\r\nMSH|{TEXT}",
        f"{head}content-type: {HL7}\r\ntransfer-encoding: chunked\r\n\r\n{WORD}\r\n{TEXT}\r\n",
        f"{head}content-length: {WORD}\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(noise.encode())
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), ANSWER_SECONDS)
        driven.pieces.append(Piece(Channel.ANSWER, "noise body", answer))
        writer.close()


async def _drive_too_many(driven: Driven) -> None:
    """One source with more requests open than it may have."""
    host, _, port = driven.site.http.removeprefix("http://").partition(":")
    head = f"POST /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {driven.site.keys['leaks-ward']}\r\n"
    begun = f"{head}content-type: {HL7}\r\ncontent-length: 9999\r\n\r\nMSH|{TEXT}".encode()
    open_ = []
    for _ in range(SLOW_SENDERS):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(begun)
        open_.append((reader, writer))
    answer = await asyncio.wait_for(open_[-1][0].readuntil(b"]}"), ANSWER_SECONDS)
    driven.pieces.append(Piece(Channel.ANSWER, "too many body", answer))
    driven.codes.update(code.decode() for code in _CODE.findall(answer))
    for _, writer in open_:
        writer.close()


async def drive_while_away(driven: Driven, what: str) -> None:
    """A few messages and questions while something that is needed is away."""
    async with client(driven.site) as http:
        for message in itertools.islice(whole(), 3, 6):
            await _send(driven, http, message, message.address)
        for template in ("/health", "/health/ready", "/metrics", "/topics"):
            response = await http.get(template, headers=bearer(driven.site.keys["operate"]))
            driven.answered(template, f"an operator, {what}", response)


def client(site: Site) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.http, timeout=ANSWER_SECONDS)
