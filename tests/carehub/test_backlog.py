"""An outbox whose budget is used up: senders are told to come again, by every door, and people are told why."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from carehub import state
from carehub.register.session import in_hub
from gateway.mllp.framing import enframed
from gateway.store.health import Backlog
from tests.bench.messages import ADMISSION
from tests.carehub.conftest import Cli
from tests.gateway.relay.rows import put
from tests.processes import Service

SOURCE = ("sources", "add", "pas", "--organisation", "RBD", "--sector", "acute", "--place", "qvv", "--pack", "hl7v2")


@dataclass
class Full:
    """A gateway whose Kafka is away; its outbox takes two events. Keys of a sender and of somebody who looks."""

    cli: Cli
    http: str
    mllp: int
    key: str
    viewer: str

    def send(self, number: int) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/hl7-v2"}
        return httpx.post(f"{self.http}/events", content=admission(number), headers=headers)

    def outbox(self) -> dict[str, object]:
        answer = httpx.get(f"{self.http}/health", headers={"Authorization": f"Bearer {self.viewer}"})
        found: dict[str, object] = answer.json()["checks"]["outbox"]
        return found


def admission(number: int) -> bytes:
    return ADMISSION.replace("{control}", f"B{number}").replace("{person}", "P1").encode()


@pytest.fixture
def full(hub: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Full]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    monkeypatch.setenv("CAREHUB_BACKLOG_ROWS", "2")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    key = hub.json(*SOURCE, "--mllp-port", str(port))["key"]
    viewer = hub.json("operators", "add", "ann", "--role", "viewer")["key"]
    gateway = Service(["gateway", "--port", "0", "--mllp-port", "0"], {}, tmp_path / "gateway.log")
    try:
        gateway.start()
        yield Full(hub, str(gateway.ready["http"]), port, key, viewer)
    finally:
        gateway.end()


@pytest.mark.slow
def test_senders_are_told_to_come_again_and_people_why(full: Full) -> None:
    assert full.outbox()["secondsUntilFull"] is None
    assert [full.send(number).status_code for number in range(2)] == [202, 202]
    deadline = time.monotonic() + 20
    while full.outbox()["ok"] and time.monotonic() < deadline:
        time.sleep(0.1)
    answer = full.send(99)
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    with socket.create_connection(("127.0.0.1", full.mllp), timeout=10) as peer:
        peer.sendall(enframed(admission(100)))
        said = peer.recv(65_536)
    assert b"MSA|AE|B100" in said
    assert b"MSA|AA" not in said
    assert full.outbox()["secondsUntilFull"] == 0
    assert not full.outbox()["ok"]
    assert httpx.get(f"{full.http}/health/ready").status_code == 503
    time.sleep(6)  # what is as young may still be on its way
    assert full.cli.json("status", code=1)["seconds_until_full"] == 0
    assert "the budget is used up" in full.cli.run("status", code=1)


def test_status_looks_twice_at_what_piles_up(hub: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.json("status", code=1)["seconds_until_full"] is None, "nothing waits"
    in_hub(put, "care.qvv.acute.v1", "p1-somebody")
    assert hub.json("status", code=1)["seconds_until_full"] is None, "it does not grow"
    rows = iter((1_000, 2_000))
    monkeypatch.setattr(state, "measure_backlog", lambda *_: Backlog(next(rows), 1_000, 60.0))
    monkeypatch.setenv("CAREHUB_BACKLOG_ROWS", "12000")
    told = hub.run("status", code=1)
    assert (found := re.search(r"at this rate the budget is used up in 0:00:(\d\d)", told)), told
    assert 18 <= int(found[1]) <= 40
