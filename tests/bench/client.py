"""The load, in a process of its own: `python -m tests.bench.client HOST PORT`, with a plan as JSON on standard input.

A plan is {"requests": [text…], "connections": n, "seconds": s, "rate": r or null}. Each request is a whole HTTP/1.1
request; connections take them in turn, at most `rate` a second over all. Prints {"done", "errors", "seconds",
"p50_ms", "p99_ms"} as JSON. A client of its own, because a general one would take most of the two cores.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any


class Pace:
    """Hands out start times, `rate` a second from now on; without a rate, now."""

    def __init__(self, rate: float | None) -> None:
        self.step = 1.0 / rate if rate else 0.0
        self.next = time.perf_counter()

    def take(self) -> float:
        start = self.next
        self.next += self.step
        return start


async def drive(
    host: str, port: int, requests: Iterator[bytes], pace: Pace, until: float, times: list[float], errors: list[int]
) -> None:
    """One keep-alive connection. Latency counts from when the request was due, so that a stall is not hidden."""
    reader, writer = await asyncio.open_connection(host, port)
    for request in requests:
        due = pace.take()
        if due > until or time.perf_counter() > until:
            break
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        begun = due if pace.step else time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        if length:
            await reader.readexactly(length)
        if head[9:10] == b"2":
            times.append(time.perf_counter() - begun)
        else:
            errors.append(int(head[9:12]))
    writer.close()


async def run(host: str, port: int, plan: dict[str, Any]) -> dict[str, Any]:
    requests = (text.encode() for text in plan["requests"])
    times: list[float] = []
    errors: list[int] = []
    begun = time.perf_counter()
    until = begun + plan["seconds"]
    pace = Pace(plan["rate"])
    await asyncio.gather(*(drive(host, port, requests, pace, until, times, errors) for _ in range(plan["connections"])))
    took = min(time.perf_counter() - begun, plan["seconds"])
    times.sort()

    def percentile(share: float) -> float:
        return round(times[int(len(times) * share)] * 1000, 2) if times else 0.0

    return {
        "done": len(times),
        "errors": len(errors),
        "seconds": round(took, 3),
        "rate": round(len(times) / took, 1),
        "p50_ms": percentile(0.5),
        "p99_ms": percentile(0.99),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], int(sys.argv[2]), json.load(sys.stdin)))))
