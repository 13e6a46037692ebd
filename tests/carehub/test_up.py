"""`carehub up` and `carehub demo` as real processes, on SQLite and the stand-in broker, from nothing to nothing."""

from __future__ import annotations

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

from tests.processes import read_line

ROOT = Path(__file__).parent.parent.parent
READY_SECONDS = 90.0

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Without Java on PATH: the stand-in takes the place of Apache Kafka."""
    bare = {
        name: value for name, value in os.environ.items() if not name.startswith(("CAREHUB_", "KAFKA_", "DATABASE_"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), str(tmp_path / "bin")])
    return {**bare, "CAREHUB_DATA": str(tmp_path / "data"), "PATH": path}


@pytest.fixture
def up(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    with (tmp_path / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "carehub", "up", "--port", "0", "--mllp-port", "0", "--json"],
            env=environment, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        line = read_line(process.stdout, READY_SECONDS)
        assert line, (tmp_path / "up.log").read_text()
        yield process, json.loads(line)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def carehub(environment: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "carehub", *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def eventually(holds: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def processes_with(folder: Path) -> list[str]:
    """Command lines of processes that were given this data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if str(folder).encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found


def test_an_event_goes_through_a_hub_that_one_command_started(
    up: tuple[subprocess.Popen[bytes], dict[str, Any]], environment: dict[str, str], tmp_path: Path
) -> None:
    process, ready = up
    assert set(ready) == {"http", "mllp", "kafka", "database"}
    added = carehub(
        environment, "sources", "add", "dch-pas", "--organisation", "RBD", "--sector", "acute", "--place", "qvv",
        "--pack", "hl7v2-itk", "--json",
    )  # fmt: skip
    answer = httpx.post(
        f"{ready['http']}/events",
        content=(ROOT / "mappings/packs/hl7v2-itk/samples/a01-admission/message.hl7").read_bytes(),
        headers={"Authorization": f"Bearer {json.loads(added)['key']}", "Content-Type": "application/hl7-v2"},
        timeout=20,
    )
    assert answer.status_code == 202, answer.text
    told = answer.json()["events"][0]
    message_id = answer.json()["id"]

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(carehub(environment, "messages", "show", message_id, "--json"))
        return found

    eventually(lambda: shown()["events"][0]["topics"][0]["published"])  # the topic appears with it
    tail = carehub(environment, "tail", told["topics"][0], "--from-start", "--count", "1", "--json")
    assert json.loads(tail)["headers"]["ce_id"] == told["id"]
    assert shown()["events"][0]["id"] == told["id"]
    assert json.loads(carehub(environment, "status", "--json"))["ok"]
    viewer = json.loads(carehub(environment, "operators", "add", "monitor", "--role", "viewer", "--json"))["key"]

    def unwell() -> dict[str, Any]:
        key = {"Authorization": f"Bearer {viewer}"}
        health = httpx.get(f"{ready['http']}/health", headers=key, timeout=20).json()
        assert health["well"] == all(check["ok"] for check in health["checks"].values())
        return {name: check for name, check in health["checks"].items() if not check["ok"]}

    eventually(lambda: not unwell())

    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert processes_with(tmp_path / "data") == []


def test_the_demo_shows_four_sectors_and_leaves_nothing_behind(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "carehub", "demo"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stand-in" in done.stderr
    for told in (
        "care.qvv.acute.v1",
        "care.qvv.primary-care.v1",
        "care.qvv.mental-health.v1",
        "care.qvv.social-care.v1",
    ):
        assert told in done.stdout
    assert "MLLP" in done.stdout
    assert "MISSING" not in done.stdout
    assert '"resourceType": "Bundle"' in done.stdout
    assert processes_with(tmp_path / "data") == []


DEMO = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " runpy.run_module('carehub', run_name='__main__', alter_sys=True)"
)
"""What is started in the background of a script ignores interrupts, and so do its children: this one does not."""


def test_the_demo_interrupted_leaves_nothing_behind(environment: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", DEMO, "demo"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    seen = b""
    while b"registering" not in seen:
        line = read_line(process.stderr, READY_SECONDS)
        assert line, seen
        seen += line
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    process.stderr.close()
    assert processes_with(tmp_path / "data") == []
