"""A TCP proxy on every connection of the hub, so that each can be cut, slowed and black-holed: toxiproxy, a Go program,
built once by the Go toolchain into the folder where the jars of Kafka are kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from carehub.broker.process import free_ports, start_on_leash, stop_on_leash
from tests.servers import UnstartableError

MODULE: Final = "github.com/Shopify/toxiproxy/v2/cmd/server"
VERSION: Final = "v2.5.0"
BUILD_SECONDS: Final = 600.0
START_SECONDS: Final = 15.0


def toxiproxy_server(data: Path) -> Path:
    """The program, built now if it is not there yet. Raises UnstartableError, saying what is missing."""
    folder = data / "toxiproxy" / VERSION
    program = folder / "server"
    if not program.exists():
        go = shutil.which("go")
        if go is None:
            raise UnstartableError(f"no go on PATH: toxiproxy {VERSION} is built by it")
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "GOBIN": str(folder.resolve()), "GOFLAGS": "-mod=mod"}
        command = [go, "install", f"{MODULE}@{VERSION}"]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=BUILD_SECONDS, check=False)
        if done.returncode != 0:
            raise UnstartableError(f"go could not build toxiproxy {VERSION}: {done.stderr.decode()[-500:]}")
    return program


@dataclass(frozen=True, slots=True)
class Proxy:
    """One connection of the hub: `name` says from whom to whom, `port` is where to connect instead."""

    name: str
    port: int


class Proxies:
    """A running toxiproxy. A fault is laid on a proxy by name, and taken away by `heal`."""

    def __init__(self, port: int) -> None:
        self._api = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10.0)

    def add(self, name: str, upstream: str) -> Proxy:
        """A proxy on a free port of 127.0.0.1 in front of `upstream` (host:port)."""
        told = self._ask("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": upstream})
        return Proxy(name, int(told["listen"].rsplit(":", 1)[1]))

    def cut(self, name: str) -> None:
        """Resets every connection on which anything is sent."""
        for stream in ("upstream", "downstream"):
            self._ask("POST", f"/proxies/{name}/toxics", _toxic(f"cut-{stream}", "reset_peer", stream, timeout=0))

    def slow(self, name: str, milliseconds: int) -> None:
        """Delays every byte, each way, by about half of this."""
        for stream in ("upstream", "downstream"):
            half = milliseconds // 2
            slowed = _toxic(f"slow-{stream}", "latency", stream, latency=half, jitter=half // 2)
            self._ask("POST", f"/proxies/{name}/toxics", slowed)

    def black_hole(self, name: str) -> None:
        """Nothing comes through, and nobody is told; connections made meanwhile hang too."""
        for stream in ("upstream", "downstream"):
            self._ask("POST", f"/proxies/{name}/toxics", _toxic(f"hole-{stream}", "timeout", stream, timeout=0))

    def lose_answers(self, name: str) -> None:
        """Requests arrive; with the first byte of the answer the connection is closed, and the byte is lost."""
        self._ask("POST", f"/proxies/{name}/toxics", _toxic("lose", "limit_data", "downstream", bytes=0))

    def heal(self, name: str) -> None:
        """Takes every fault away; connections that were black-holed end."""
        for toxic in self._ask("GET", f"/proxies/{name}/toxics"):
            self._ask("DELETE", f"/proxies/{name}/toxics/{toxic['name']}")

    def close(self) -> None:
        self._api.close()

    def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> Any:
        answer = self._api.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def _toxic(name: str, kind: str, stream: str, **attributes: int) -> dict[str, object]:
    return {"name": name, "type": kind, "stream": stream, "toxicity": 1.0, "attributes": attributes}


@contextmanager
def running_proxies(data: Path, log: Path) -> Iterator[Proxies]:
    """Ends with the block, and with this process however that ends."""
    program = toxiproxy_server(data)
    (port,) = free_ports(1)
    with log.open("wb") as output:
        command = [str(program), "-host", "127.0.0.1", "-port", str(port)]
        process = start_on_leash(command, output, environment={**os.environ, "LOG_LEVEL": "error"})
    proxies = Proxies(port)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                proxies._ask("GET", "/proxies")
                break
            except httpx.TransportError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise UnstartableError(f"toxiproxy did not answer on port {port}") from None
                time.sleep(0.05)
        yield proxies
    finally:
        proxies.close()
        stop_on_leash(process)
