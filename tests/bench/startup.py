"""How long a gateway takes from its start to its ready line with every pack there is, and the memory it then holds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from tests.processes import Service

ROUNDS = 5


def measure(folder: Path) -> dict[str, float]:
    """Seconds to ready, the first time and then the median of later ones, and resident memory in MiB."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "CAREHUB_DATA": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/hub.db",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",  # nobody there: only the start is looked at
    }
    subprocess.run(
        [sys.executable, "-m", "carehub", "migrate"],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    seconds, memory = [], 0.0
    for _ in range(ROUNDS):
        gateway = Service(["gateway", "--port", "0", "--mllp-port", "0"], environment, folder / "gateway.log")
        begun = time.perf_counter()
        try:
            gateway.start()
            seconds.append(time.perf_counter() - begun)
            assert gateway.process is not None
            memory = resident(gateway.process.pid)
        finally:
            gateway.end()
    return {"first": round(seconds[0], 2), "later": round(median(seconds[1:]), 2), "memory_mib": round(memory, 1)}


def resident(process: int) -> float:
    """Resident memory of a process in MiB, as ps tells it."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024
