"""Durable intake over HTTP beside the no-op rate of the same server, and the time from accepted to applied."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.processes import Service, run_carehub


@contextmanager
def hub(folder: Path, database_url: str, bootstrap: str, *, relay: bool, consumer: bool) -> Iterator[tuple[str, str]]:
    """A running hub with one acute source; yields (address of the gateway, key of the source)."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "CAREHUB_DATA": str(folder),
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "CAREHUB_CONSUMERS_DATABASE_URL": database_url if database_url.startswith("postgresql") else "",
    }
    environment = {name: value for name, value in environment.items() if value}

    def carehub(*arguments: str) -> str:
        return run_carehub(environment, *arguments)

    def service(*arguments: str) -> Service:
        return Service(list(arguments), environment, folder / f"{arguments[0]}.log")

    carehub("migrate")
    added = carehub(
        "sources", "add", "bench-pas", "--organisation", "RBD", "--sector", "acute", "--place", "bench",
        "--pack", "hl7v2-itk", "--json",
    )  # fmt: skip
    services = [service("gateway", "--port", "0", "--mllp-port", "0")]
    services += [service("relay")] if relay else []
    services += [service("consume", "timeline")] if consumer else []
    try:
        for each in services:
            each.start()
        yield str(services[0].ready["http"]), json.loads(added)["key"]
    finally:
        for each in reversed(services):
            each.end()


def drive(address: str, requests: list[str], *, seconds: float, connections: int, rate: float | None) -> dict[str, Any]:
    """Runs the load in a process of its own; returns what tests.bench.client prints."""
    parts = urlsplit(address)
    plan = {"requests": requests, "connections": connections, "seconds": seconds, "rate": rate}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.client", str(parts.hostname), str(parts.port)],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def posts(message: str, key: str, count: int, start: int = 0) -> list[str]:
    """`count` requests, each with a message id and one of 500 persons of its own."""
    requests = []
    for number in range(start, start + count):
        body = message.replace("{control}", f"B{number:08d}").replace("{person}", f"BENCH{number % 500:04d}")
        requests.append(
            "POST /events HTTP/1.1\r\nHost: bench\r\nContent-Type: application/hl7-v2\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}"
        )
    return requests


def no_ops(count: int) -> list[str]:
    return ["GET /health/live HTTP/1.1\r\nHost: bench\r\n\r\n"] * count
