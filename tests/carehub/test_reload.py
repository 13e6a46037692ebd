"""A gateway as a real process whose packs are read anew under load: nothing that it acknowledged is lost, and what
breaks in one pack stops nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, create_engine, func, select

from gateway.store.models import event, message
from tests.faults.ledger import Answer, Ledger
from tests.faults.persons import HTTP
from tests.faults.senders import Load
from tests.mappings.language.folders import HL7, write_pack
from tests.processes import Service

BASE = HL7 | {
    "messages/ADT.yaml": HL7["messages/ADT.yaml"].replace("A01: patient-admitted-1", "A31: patient-updated-1")
}
CHANGE = "segments/PID/Patient:\n  - add: active\n    with: true\n"
PAUSE_SECONDS = 0.3
BROKEN = {
    "pack.yaml": 'pack: wards\nversion: "1.0.0"\nlanguage: 1\nformat: hl7v2\n',
    "messages/ADT.yaml": "message: ADT\n",
}

pytestmark = pytest.mark.slow


class House:
    """A hub on SQLite with packs of its own. Without Java on PATH, a stand-in takes the place of Apache Kafka."""

    def __init__(self, folder: Path) -> None:
        self.packs = folder / "packs"
        self.environment = {
            "PATH": str(Path(sys.executable).parent),
            "CAREHUB_DATA": str(folder / "data"),
            "CAREHUB_PACKS": str(self.packs),
            "DATABASE_URL": f"sqlite:///{folder / 'hub.db'}",
        }
        self.gateway = Service(["gateway", "--port", "0", "--mllp-port", "0"], self.environment, folder / "gateway.log")
        self.engine: Engine = create_engine(self.environment["DATABASE_URL"])

    def overlay(self, version: int, changes: str = CHANGE) -> None:
        manifest = f'overlay: mine 1.x\nplace: dorset\nversion: "{version}"\nlanguage: 1\n'
        write_pack(self.packs, {"pack.yaml": manifest, "changes.yaml": changes}, "dorset-overlay")

    def run(self, *arguments: str, code: int = 0) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "carehub", *arguments, "--json"],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def add(self, id_: str, pack: str) -> str:
        named = ("--organisation", "RBD", "--sector", "acute", "--place", "dorset", "--pack", pack)
        return str(self.run("sources", "add", id_, *named)["key"])

    def versions(self) -> dict[str, int]:
        """By version of the mapping, the messages that it mapped."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(message.c.pack_version, func.count().label("number")).group_by(message.c.pack_version)
            )
            return {row.pack_version: row.number for row in rows}

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, f"{self.versions()}; the gateway's log ends: {self.gateway.tail()}"
            time.sleep(0.1)

    def maps_by(self, version: str) -> None:
        before = self.versions().get(version, 0)
        self.until(lambda: self.versions().get(version, 0) > before)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    write_pack(found.packs, BASE)
    found.overlay(1)
    found.run("migrate")
    try:
        yield found
    finally:
        found.gateway.end()
        found.engine.dispose()


async def test_packs_are_read_anew_under_load_and_nothing_acknowledged_is_lost(house: House) -> None:
    key, ledger = house.add("pas", "mine"), Ledger()
    await asyncio.to_thread(house.gateway.start)
    host, port = str(house.gateway.ready["http"]).removeprefix("http://").split(":")
    load = Load([(host, int(port))], [], {HTTP.id: key}, ledger, PAUSE_SECONDS)
    running = asyncio.create_task(load.run())
    try:
        await asyncio.to_thread(_reload_again_and_again, house)
        await asyncio.to_thread(_break_another_pack, house)
    finally:
        load.stop.set()
        await asyncio.wait_for(running, 60)

    assert not ledger.surprises
    assert set(ledger.attempts) == {Answer.ACKNOWLEDGED}
    assert set(house.versions()) == {f"1.0.0 + dorset {number}" for number in (1, 2, 3, 5)}
    with house.engine.connect() as connection:
        events = connection.execute(select(func.count(event.c.message.distinct()))).scalar_one()
    assert events == len(ledger.acknowledged) > 100, "each message that was acknowledged has its event"


def _reload_again_and_again(house: House) -> None:
    assert house.gateway.process is not None
    house.maps_by("1.0.0 + dorset 1")
    house.overlay(2)
    for _ in range(3):
        house.gateway.process.send_signal(signal.SIGHUP)
    house.maps_by("1.0.0 + dorset 2")
    house.overlay(3)
    [gateway] = house.run("packs", "reload")["gateways"]
    assert (gateway["done"], gateway["trouble"]) == (True, [])
    house.maps_by("1.0.0 + dorset 3")
    house.overlay(4, CHANGE.replace("active", "activ"))
    [gateway] = house.run("packs", "reload", code=1)["gateways"]
    assert gateway["done"]
    [trouble] = gateway["trouble"]
    assert "source pas runs its last good mapping: dorset-overlay/changes.yaml:2:10" in trouble
    house.maps_by("1.0.0 + dorset 3")
    house.overlay(5)
    assert house.run("packs", "reload")["ok"]
    house.maps_by("1.0.0 + dorset 5")


def _break_another_pack(house: House) -> None:
    """A pack that does not compile stops its own source alone, and that is told in three places."""
    write_pack(house.packs, BROKEN, "wards")
    key = house.add("ward-round", "wards")
    reloaded = house.run("packs", "reload", code=1)["gateways"][0]
    assert any(
        line.startswith("source ward-round is refused: wards/messages/ADT.yaml:1:1") for line in reloaded["trouble"]
    )
    url = house.gateway.ready["http"]
    answer = httpx.post(
        f"{url}/events",
        content=b"MSH|^~\\&|PAS|RBD|||20260102030405||ADT^A08|M1|P|2.4\rPID|1||7\r",
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/hl7-v2"},
        timeout=20,
    )
    assert answer.status_code == 503, answer.text
    operator = house.run("operators", "add", "monitor", "--role", "viewer")["key"]
    health = httpx.get(f"{url}/health", headers={"Authorization": f"Bearer {operator}"}, timeout=20).json()
    packs = health["checks"]["packs"]
    assert "wards/messages/ADT.yaml:1:1" in packs["refused"]["ward-round"]
    assert packs["sources"]["pas"] == ["mine 1.0.0 + dorset 5"]
    told = [each["found"] for each in house.run("doctor", code=1)["findings"] if each["what"] == "gateway packs"]
    assert any(line.startswith("source ward-round is refused: wards/messages/ADT.yaml:1:1") for line in told)
    house.maps_by("1.0.0 + dorset 5")
