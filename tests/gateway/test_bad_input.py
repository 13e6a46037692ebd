"""Bad input through the real doors, intake, decoders and store: each gets its answer, in bounded time, never a 500, and
nothing of what it holds is found in an answer, a log line, a metric or a dead letter's reasons."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import orjson
import pytest
import structlog

from gateway.door import Door
from gateway.hub import Hub
from gateway.intake import intake
from gateway.limits import InFlight, Limits
from gateway.mllp.connection import Desk
from gateway.mllp.framing import Framer, enframed
from gateway.mllp.listeners import Listeners
from gateway.ops.metrics import Metrics
from gateway.reception import Reception
from gateway.shelf import Shelf
from gateway.store.deadletters import list_dead_letters
from mappings.restriction import national
from mappings.stages import Mapped
from tests.gateway.fakes import KEY, FakeRegister, principal, sha256
from tests.gateway.http.conftest import opened
from tests.gateway.mllp.conftest import free_port
from tests.gateway.store.making import PAS
from tests.gateway.stored import stored

MARK = "Zzyzxperson"
"""Stands for everything personal: in each bad input somewhere, and nowhere else."""

MSH = "MSH|^~\\&|PAS|RBD|HUB|QVV|20260101||ADT^A01^ADT_A01|C1|P|2.4\r"
BILLION = "".join(f'<!ENTITY l{n} "&l{n - 1};&l{n - 1};&l{n - 1};&l{n - 1};">' for n in range(1, 20))

HTTP = {
    "nothing": ("text/plain", "", 400, "empty"),
    "no format at all": ("text/plain", f"{MARK} was here", 400, "unrecognised-format"),
    "no MSH": ("application/hl7-v2", f"PID|1||1||{MARK}\r", 400, "malformed-hl7v2"),
    "MSH cut short": ("application/hl7-v2", "MSH|^~", 400, "malformed-hl7v2"),
    "letters as delimiters": ("application/hl7-v2", f"MSHabcde{MARK}\r", 400, "malformed-hl7v2"),
    "JSON cut short": ("application/json", f'{{"name": "{MARK}', 400, "malformed-json"),
    "JSON without bottom": ("application/json", '{"a":' * 100_000, 400, "malformed-json"),
    "FHIR that is no JSON": ("application/fhir+json", f"<{MARK}>", 400, None),
    "XML cut short": ("application/fhir+xml", f"<Bundle><{MARK}", 400, "malformed-xml"),
    "DOCTYPE": ("application/fhir+xml", f"<!DOCTYPE Bundle><Bundle>{MARK}</Bundle>", 400, "forbidden-xml"),
    "external entity": (
        "application/fhir+xml",
        f'<!DOCTYPE B [<!ENTITY x SYSTEM "file:///etc/passwd">]><B>&x;{MARK}</B>',
        400,
        "forbidden-xml",
    ),
    "entity bomb": (
        "application/fhir+xml",
        f'<!DOCTYPE B [<!ENTITY l0 "{MARK}">{BILLION}]><B>&l19;</B>',
        400,
        "forbidden-xml",
    ),
    "CSV with a column named twice": ("text/csv", f"name,name\n{MARK},x\n", 400, "malformed-csv"),
    "an array of nothing": ("application/json", "[]", 400, None),
}


class EveryPack:
    """Recognises everything, and makes no event of it: the bad inputs here never get that far."""

    name, version, rules = "any", "1.0.0", national()

    def parents(self, *_: object) -> tuple[()]:
        return ()

    def map(self, *_: object) -> Mapped:
        return Mapped(())


class EveryShelf:
    async def choose(self, *_: object) -> EveryPack:
        return EveryPack()


@dataclass
class Hospital:
    """Both doors of one gateway, and what it has said of itself."""

    hub: Hub
    client: httpx.AsyncClient
    mllp: int
    lines: list[Any]
    metrics: Metrics

    async def ask(self, message: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.mllp)
        writer.write(enframed(message))
        framer, frames = Framer(100_000), []
        while not frames:
            frames = framer.feed(await asyncio.wait_for(reader.read(65536), 10))
        writer.close()
        await writer.wait_closed()
        return frames[0].content

    async def told(self, caplog: pytest.LogCaptureFixture) -> str:
        """Everything that leaves the gateway beside the answers."""
        letters = await self.hub.database.read(partial(list_dead_letters, status=None))
        reasons = [letter.as_dict() for letter in letters]
        library = [record.getMessage() + str(record.exc_info) for record in caplog.records]
        return f"{self.lines} {library} {self.metrics.exposition().decode()} {reasons}"


@pytest.fixture
async def hospital(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Hospital]:
    caplog.set_level(logging.DEBUG, logger="uvicorn")
    register, port, metrics = FakeRegister.usual(), free_port(), Metrics()
    register.by_digest[sha256(KEY)] = principal(PAS)
    register.by_number[port] = principal(PAS)

    async def bound() -> Mapping[int, str]:
        return {port: PAS.id}

    with structlog.testing.capture_logs() as lines:
        async with stored(tmp_path) as house:
            hub = replace(house.hub, shelf=cast("Shelf", EveryShelf()))
            take = partial(intake, hub=hub)
            limits = Limits()
            desk = Desk(Reception(take, metrics), limits, InFlight(limits.in_flight), metrics)
            listeners = Listeners("127.0.0.1", Door(register), bound, desk)
            await listeners.start()
            async with opened(hub, take, register, limits) as (_, _, client):
                yield Hospital(hub, client, port, lines, metrics)
            await listeners.stop(patience=1)


@pytest.mark.parametrize("name", list(HTTP))
async def test_by_http(hospital: Hospital, caplog: pytest.LogCaptureFixture, name: str) -> None:
    content_type, body, status, code = HTTP[name]
    begun = time.monotonic()
    response = await hospital.client.post("/events", content=body.encode(), headers={"Content-Type": content_type})
    assert time.monotonic() - begun < 5
    assert response.status_code == status, response.text
    issue = response.json()["issue"][0]
    assert issue["details"]["text"]
    if code is not None:
        assert issue["details"]["coding"][0]["code"] == code
    letters = await hospital.hub.database.read(list_dead_letters)
    assert len(letters) == 1, "kept, since it was refused for what it holds"
    assert MARK not in response.text
    assert MARK not in await hospital.told(caplog)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (f"PID|1||1||{MARK}\r", "AR"),
        ("MSH|^~", "AR"),
        (f"MSHabcde{MARK}\r", "AR"),
        ("", "AR"),
        ("\x00\xff" * 500, "AR"),
    ],
    ids=["no MSH", "cut short", "letters as delimiters", "nothing", "noise"],
)
async def test_by_mllp(hospital: Hospital, caplog: pytest.LogCaptureFixture, message: str, code: str) -> None:
    answer = await hospital.ask(message.encode("latin-1"))
    assert f"\rMSA|{code}|".encode() in answer
    assert b"\rERR|" in answer
    assert MARK.encode() not in answer
    assert MARK not in await hospital.told(caplog)


async def test_a_segment_of_ten_megabytes_is_answered_by_both_doors(hospital: Hospital) -> None:
    body = (MSH + "PID|1||1\rOBX|1|TX|||" + "x" * 10_000_000 + "\r").encode()
    begun = time.monotonic()
    response = await hospital.client.post("/events", content=body, headers={"Content-Type": "application/hl7-v2"})
    assert response.status_code < 500
    assert b"\rMSA|A" in await hospital.ask(body.replace(b"|C1|", b"|C2|"))
    assert time.monotonic() - begun < 20


async def test_a_fault_of_ours_tells_nobody_what_the_message_held(
    hospital: Hospital, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Mapped:
        raise ValueError(f"{MARK} is no number")

    monkeypatch.setattr(EveryPack, "map", fails)
    body = (MSH + f"PID|1||1||{MARK}\r").encode()
    response = await hospital.client.post("/events", content=body, headers={"Content-Type": "application/hl7-v2"})
    assert response.status_code == 422
    assert orjson.loads(response.content)["issue"][0]["code"] == "exception"
    answer = await hospital.ask(body.replace(b"|C1|", b"|C2|"))
    assert MARK not in response.text
    assert MARK.encode() not in answer
    assert MARK not in await hospital.told(caplog)
