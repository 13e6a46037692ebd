"""The FastAPI application of one gateway. Every address is an ASGI endpoint of its own; their description in
/openapi.json is written by hand, beside this, since nothing can be read off a raw endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.http import deadletters, description, events, lookups, refusals, state
from gateway.http.endpoint import Address, Endpoint
from gateway.http.front import Front

ADDRESSES: Final = (
    Address("POST", "/events", events.send, description.SEND),
    Address("POST", "/fhir/$process-message", events.process_message, description.PROCESS_MESSAGE, bars=True),
    Address("POST", "/events/preview", events.preview, description.PREVIEW),
    Address("GET", "/messages", lookups.messages, description.MESSAGES),
    Address("GET", "/messages/{id}", lookups.message, description.MESSAGE),
    Address("GET", "/events/{id}", lookups.event, description.EVENT),
    Address("GET", "/batches/{id}", lookups.batch, description.BATCH),
    Address("GET", "/deadletters", deadletters.groups, description.GROUPS),
    Address("GET", "/deadletters/letters", deadletters.letters, description.LETTERS),
    Address("GET", "/deadletters/{id}", deadletters.letter, description.LETTER),
    Address("POST", "/deadletters/preview", deadletters.preview, description.PREVIEW_LETTERS),
    Address("POST", "/deadletters/retry", deadletters.retry, description.RETRY),
    Address("POST", "/deadletters/discard", deadletters.put_away, description.DISCARD),
    Address("GET", "/topics", lookups.topics, description.TOPICS),
    Address("GET", "/health", state.health, description.HEALTH),
    Address("GET", "/health/live", state.live, description.LIVE),
    Address("GET", "/health/ready", state.ready, description.READY),
    Address("GET", "/health/startup", state.startup, description.STARTUP),
    Address("GET", "/metrics", state.metrics, description.METRICS),
)

_NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own would tell addresses and exceptions to whoever the environment names, and costs time per request."""


class Doors(FastAPI):
    """The application, with the addresses that senders send to before the middleware: their endpoints translate every
    fault themselves, and a message should pay for nothing but its own way."""

    direct: Mapping[tuple[str, str], Endpoint] = MappingProxyType({})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        at = (scope["method"], scope["path"]) if scope["type"] == "http" else None
        await (self.direct.get(at, super().__call__) if at else super().__call__)(scope, receive, send)


def make_app(front: Front) -> FastAPI:
    endpoints = {(each.method, each.path): Endpoint(each, front) for each in ADDRESSES}
    whole_first = sorted(endpoints.items(), key=lambda each: "{" in each[0][1])  # a 405 is of the first path that fits
    app = Doors(
        title="carehub",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        routes=[Route(path, endpoint, methods=[method]) for (method, path), endpoint in whole_first],
    )
    app.direct = {at: endpoint for at, endpoint in endpoints.items() if at[0] == "POST"}
    app.add_exception_handler(HTTPException, _no_such_address)
    document = description.document(ADDRESSES)

    def openapi() -> dict[str, Any]:
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    return app


async def _no_such_address(_: Request, error: Exception) -> Response:
    """404 and 405 of the router, as an OperationOutcome like every other refusal."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    answer = refusals.wrong_request(405 if status == 405 else 404)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return Response(answer.body, answer.status, headers=headers, media_type=answer.media_type.decode())
