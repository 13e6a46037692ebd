"""How the gateway is: health for machines without a login, and with one the whole of it and its metrics."""

from __future__ import annotations

from typing import Final

from contract.event import rfc3339
from gateway.door import VIEW
from gateway.http.exchange import Answer, Asked, as_json
from gateway.http.front import Front
from gateway.ops.metrics import CONTENT_TYPE

_RETRY: Final = (b"retry-after", b"5")


async def live(_: Asked, __: Front) -> Answer:
    """`GET /health/live`: the process answers. Whether it is of use is what `ready` says."""
    return as_json(200, {"status": "live"})


async def ready(_: Asked, front: Front) -> Answer:
    """`GET /health/ready`: 200 if a message sent now can be kept, else 503 with the reasons."""
    readiness = front.health.readiness()
    document = {
        "status": "ready" if readiness.ok else "not-ready",
        "reasons": list(readiness.reasons),
        "checked": rfc3339(readiness.checked) if readiness.checked else None,
    }
    return as_json(200, document) if readiness.ok else as_json(503, document, _RETRY)


async def startup(_: Asked, front: Front) -> Answer:
    """`GET /health/startup`: 200 once the gateway has been ready for the first time."""
    if front.health.started:
        return as_json(200, {"status": "started"})
    return as_json(503, {"status": "starting", "reasons": list(front.health.readiness().reasons)}, _RETRY)


async def health(asked: Asked, front: Front) -> Answer:
    """`GET /health`: every check with what it found. 200 also when something is wrong: the document says so."""
    await front.who(asked, VIEW)
    return as_json(200, front.health.report())


async def metrics(asked: Asked, front: Front) -> Answer:
    """`GET /metrics` for Prometheus, which logs in with the key of a monitor: metrics name sources."""
    await front.who(asked, VIEW)
    front.metrics.ready.set(front.health.readiness().ok)
    front.metrics.in_flight.set(front.in_flight.held)
    return Answer(200, front.metrics.exposition(), CONTENT_TYPE.encode())
