"""A real gateway with a source, an operator and nothing else, for what speaks HTTP to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.fuzz import seeds
from tests.processes import Service, resident_mib, run_carehub

PACKS = ("hl7v2-itk", "bars", "mhsds", "cld")


@dataclass(frozen=True, slots=True)
class Surface:
    """`keys` by who has them; `nobody` has one that is not known."""

    address: str
    keys: dict[str, str]
    service: Service

    def preview(self, message: bytes) -> None:
        """Tries an HL7 v2 message out. The first time, the pack is compiled once more, with its reads noted."""
        headers = {"Authorization": f"Bearer {self.keys['sender']}", "Content-Type": "application/hl7-v2"}
        httpx.post(f"{self.address}/events/preview", content=message, headers=headers, timeout=120).raise_for_status()

    def resident_mib(self) -> float:
        process = self.service.process
        assert process is not None
        assert process.poll() is None, f"the gateway ended; its log ends: {self.service.tail()}"
        return resident_mib(process.pid)


@contextmanager
def gateway(folder: Path) -> Iterator[Surface]:
    """On SQLite. Its Kafka is away, so that what it takes stays in the outbox: what is asked needs no broker."""
    environment = {
        "CAREHUB_DATA": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/hub.db",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    }
    _carehub(environment, "migrate", "hub")
    packs = [word for pack in PACKS for word in ("--pack", pack)]
    source = ["--organisation", "RDY", "--sector", "acute", "--place", "qvv", *packs]
    keys = {
        "sender": _carehub(environment, "sources", "add", "syn", *source)["key"],
        "operator": _carehub(environment, "operators", "add", "ops", "--role", "operator")["key"],
        "nobody": "not-a-key",
    }
    service = Service(["gateway", "--port", "0", "--mllp-port", "0"], environment, folder / "gateway.log")
    try:
        service.start()
        surface = Surface(str(service.ready["http"]), keys, service)
        surface.preview(seeds.samples("hl7v2-itk")[0])
        yield surface
    finally:
        service.end()


def _carehub(environment: dict[str, str], *arguments: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(run_carehub(environment, *arguments, "--json"))
    return found
