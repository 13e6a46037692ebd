"""Gateways and relays as real processes that a test may kill, and start again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

READY_SECONDS = 180.0
COMMAND_SECONDS = 180.0


@dataclass
class Service:
    """One `carehub` command as a process. `start` waits for its ready line; `ready` is that line as JSON. `module` is
    what Python runs, with the command as its arguments."""

    arguments: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    ready: dict[str, object] = field(default_factory=dict)
    starts: int = 0
    module: tuple[str, ...] = ("carehub",)

    def start(self) -> None:
        self.end()  # one that did not get ready, or ended by itself
        self.starts += 1
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.module, *self.arguments, "--json"],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self.process.stdout is not None
        line = read_line(self.process.stdout, READY_SECONDS)
        assert line, f"`carehub {' '.join(self.arguments)}` did not get ready; its log ends: {self.tail()}"
        self.ready = json.loads(line)

    def stop_then(self) -> None:
        """SIGSTOP: from here on the process does nothing, so that what holds now still holds when it is killed."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self._gone()

    def end(self) -> None:
        """Asks it to end, and makes sure."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self._gone()
        except subprocess.TimeoutExpired:
            self.kill()

    def _gone(self) -> None:
        assert self.process is not None
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


@dataclass
class Hub:
    """A hub of real processes on `database_url` and the Kafka at `bootstrap`: a gateway, and on PostgreSQL a relay,
    which with SQLite the gateway does itself. `folder` is its data folder, `place` the place of its sources."""

    folder: Path
    database_url: str
    bootstrap: str
    place: str

    def __post_init__(self) -> None:
        self.environment = {
            "CAREHUB_DATA": str(self.folder),
            "DATABASE_URL": self.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
        }
        self.gateway = self._service("gateway", "--port", "0", "--mllp-port", "0")
        self.relay = None if self.sqlite else self._service("relay")

    @property
    def sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    def command(self, *arguments: str) -> str:
        """What a `carehub` command prints."""
        return run_carehub(self.environment, *arguments)

    def _service(self, *arguments: str) -> Service:
        return Service(list(arguments), self.environment, self.folder / f"{arguments[0]}.log")


def run_carehub(environment: Mapping[str, str], *arguments: str) -> str:
    """What a `carehub` command prints in this environment."""
    done = subprocess.run(
        [sys.executable, "-m", "carehub", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def resident_mib(process: int | None = None) -> float:
    """Memory that a process holds (VmRSS), this one where none is named."""
    status = Path("/proc", str(process or "self"), "status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def read_line(stream: IO[bytes], seconds: float) -> bytes:
    """One line, or b"" when none came in time or the process ended."""
    os.set_blocking(stream.fileno(), False)
    deadline, line = time.monotonic() + seconds, b""
    while time.monotonic() < deadline:
        piece = stream.read()
        if piece == b"":
            return b""
        line += piece or b""
        if b"\n" in line:
            return line.split(b"\n", 1)[0]
        time.sleep(0.02)
    return b""
