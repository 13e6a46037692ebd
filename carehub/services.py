"""Commands of carehub as processes of their own: started, awaited until ready, ended, never left behind.

Each runs on a leash (carehub.broker.leash): when the process that started it ends, however that happened, so does it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from carehub.broker.process import start_on_leash, stop_on_leash
from contract.errors import Misconfigured

READY_SECONDS: Final = 45.0
_LINE_LIMIT: Final = 65_536


@dataclass(slots=True)
class Service:
    """A running `carehub NAME …`. Its standard error goes to `log`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def await_ready(self, seconds: float = READY_SECONDS) -> dict[str, Any]:
        """What its ready line says. Raises Misconfigured with the end of its log when it does not come in time."""
        if self.process.stdout is None:
            raise RuntimeError("a service is started with a pipe for its ready line")
        descriptor, deadline, line = self.process.stdout.fileno(), time.monotonic() + seconds, b""
        while b"\n" not in line:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise Misconfigured(f"carehub {self.name} was not ready within {seconds:.0f} s. {self._last_words()}")
            piece = os.read(descriptor, _LINE_LIMIT)
            if not piece:
                raise Misconfigured(f"carehub {self.name} ended before it was ready. {self._last_words()}")
            line += piece
        ready: dict[str, Any] = json.loads(line.split(b"\n", 1)[0])
        return ready

    def alive(self) -> bool:
        return self.process.poll() is None

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-6:]
        return f"The end of {self.log}:\n" + "\n".join(f"  {line}" for line in lines)


def start_service(name: str, *arguments: str, environment: Mapping[str, str], logs: Path) -> Service:
    """Starts `carehub NAME ARGUMENTS --json` with `environment` laid over this process's own."""
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    command = [sys.executable, "-m", "carehub", name, *arguments, "--json"]
    with log.open("ab") as errors:
        process = start_on_leash(command, subprocess.PIPE, errors=errors, environment={**os.environ, **environment})
    return Service(name, process, log)


def stop_services(services: Sequence[Service]) -> None:
    """Ends them all at the same time, and waits for each."""
    for service in services:
        if service.process.stdin is not None:
            service.process.stdin.close()
    for service in services:
        stop_on_leash(service.process)
        if service.process.stdout is not None:
            service.process.stdout.close()
