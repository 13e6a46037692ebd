"""How long a gateway takes from its start to its ready line with every pack there is, and the memory it then holds."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from tests.processes import Service, resident_mib, run_carehub

ROUNDS = 5
LIBRARIES = (
    "fastapi, uvicorn, uvloop, httptools, sqlalchemy, sqlalchemy.dialects.postgresql, aiokafka, "
    "structlog, pydantic_settings, typer, lxml.etree, yaml, jsonschema_rs, orjson, prometheus_client"
)
"""What a gateway on SQLite loads whatever we write: the part of its start that only another machine makes shorter."""


def measure(folder: Path) -> dict[str, float]:
    """Seconds to ready, the first time and then the median of later ones; of the latter, what the libraries alone take
    on this machine now; and resident memory in MiB."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "CAREHUB_DATA": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/hub.db",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",  # nobody there: only the start is looked at
    }
    run_carehub(environment, "migrate")
    seconds, memory = [], 0.0
    for _ in range(ROUNDS):
        gateway = Service(["gateway", "--port", "0", "--mllp-port", "0"], environment, folder / "gateway.log")
        begun = time.perf_counter()
        try:
            gateway.start()
            seconds.append(time.perf_counter() - begun)
            assert gateway.process is not None
            memory = resident_mib(gateway.process.pid)
        finally:
            gateway.end()
    return {
        "first": round(seconds[0], 2),
        "later": round(median(seconds[1:]), 2),
        "libraries": round(median(_import_seconds() for _ in range(ROUNDS)), 2),
        "memory_mib": round(memory, 1),
    }


def _import_seconds() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {LIBRARIES}"], check=True)
    return time.perf_counter() - begun
