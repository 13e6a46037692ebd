"""From accepted by the gateway to applied by the timeline app, through relay and real Kafka, on PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import asyncpg

from tests.bench import ingest

RATE = 100.0
SETTLE_SECONDS = 30.0

QUERY = """
SELECT count(*) AS applied,
       percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM applied - received)) AS latencies
FROM timeline WHERE received > $1
"""


def measure(folder: Path, database: str, bootstrap: str, seconds: float) -> dict[str, Any]:
    """Milliseconds between `received` and `applied`, both clocks of this machine, under a paced load.

    The first two seconds of load, in which topics and groups come to be, are not counted.
    """
    message = (Path(__file__).parent / "admission.hl7").read_text().replace("\n", "\r")
    with ingest.hub(folder, database, bootstrap, relay=True, consumer=True) as (address, key):
        ingest.drive(address, ingest.posts(message, key, 200), seconds=2, connections=8, rate=RATE)
        time.sleep(1)
        begun = time.time()
        requests = ingest.posts(message, key, int(RATE * seconds), start=1000)
        sent = ingest.drive(address, requests, seconds=seconds, connections=16, rate=RATE)
        return asyncio.run(_applied(database, begun, sent["done"])) | {"accepted": sent["done"], "rate": RATE}


async def _applied(database: str, begun: float, expected: int) -> dict[str, Any]:
    from datetime import UTC, datetime

    connection = await asyncpg.connect(database)
    try:
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            row = await connection.fetchrow(QUERY, datetime.fromtimestamp(begun, UTC))
            if row["applied"] >= expected or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        p50, p99 = (round(float(value) * 1000, 1) for value in row["latencies"] or (0.0, 0.0))
        return {"applied": row["applied"], "p50_ms": p50, "p99_ms": p99}
    finally:
        await connection.close()
