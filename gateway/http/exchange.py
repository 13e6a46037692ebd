"""One HTTP exchange as the endpoints see it: what was asked, and the answer to send. Plain ASGI underneath, since the
hot path spends its time elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope, Send

from contract.errors import CarehubError, Code, Unauthenticated, refuse

JSON: Final = b"application/json"
FHIR: Final = b"application/fhir+json"
JSON_LINES: Final = b"application/x-ndjson"

_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 64 * 1024 * 1024

_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}")
_MOST_PARAMETERS: Final = 20


class WrongRequest(CarehubError):
    """A query parameter or a body that cannot be read: 400. The text names the member and says what to write."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def with_headers(self, *headers: tuple[bytes, bytes]) -> Answer:
        return Answer(self.status, self.body, self.media_type, (*self.headers, *headers))


def as_json(status: int, document: object, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(status, orjson.dumps(document), JSON, headers)


class Asked:
    """A request. `receive` yields its body, which only gateway.http.body reads."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.principal_id = ""
        self.body_read = self.headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in self.headers

    @property
    def path_params(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.scope["path_params"]
        return found

    @property
    def id(self) -> str | None:
        """The `{id}` of the address, None for what is no id of ours, and no database need be asked for."""
        found = self.path_params["id"]
        return found if _VISIBLE.fullmatch(found) else None

    @cached_property
    def query(self) -> Mapping[str, str]:
        """Raises WrongRequest for more parameters than any address has."""
        try:
            return dict(parse_qsl(self.scope["query_string"].decode("latin-1"), max_num_fields=_MOST_PARAMETERS))
        except ValueError:
            raise WrongRequest(f"an address takes at most {_MOST_PARAMETERS} query parameters") from None

    def bearer(self) -> str:
        """The key after `Authorization: Bearer`. Raises Unauthenticated when there is none."""
        scheme, _, key = self.headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not key.strip():
            raise refuse(Unauthenticated, Code.UNAUTHENTICATED, "send your key as: Authorization: Bearer KEY")
        return key.strip().decode("latin-1")

    def word(self, name: bytes) -> str | None:
        """A header that is one word of visible ASCII of at most 255 characters, None if absent or anything else."""
        value = self.headers.get(name, b"").strip().decode("latin-1")
        return value if _VISIBLE.fullmatch(value) else None

    @property
    def echoed(self) -> list[tuple[bytes, bytes]]:
        """The sender's own ids of this request and its conversation, given back for its logs."""
        names = (b"x-request-id", b"x-correlation-id")
        return [(name, value.encode("ascii")) for name in names if (value := self.word(name))]

    @property
    def traceparent(self) -> str | None:
        """W3C trace context of the caller, None when absent or malformed."""
        value = self.headers.get(b"traceparent", b"").decode("latin-1")
        return value if _TRACEPARENT.fullmatch(value) else None


async def send_answer(send: Send, asked: Asked, answer: Answer) -> None:
    """A sender that is still sending its body gets its answer too: what it sends is thrown away for a moment, then the
    connection is closed. Closed at once, it would be reset under the answer."""
    headers = [
        (b"content-type", answer.media_type),
        (b"content-length", b"%d" % len(answer.body)),
        (b"cache-control", b"no-store"),
        *answer.headers,
    ]
    if not asked.body_read:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if not asked.body_read and b"expect" not in asked.headers:
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await _throw_away(asked)
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.body", "body": answer.body})


async def _throw_away(asked: Asked) -> None:
    thrown = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while thrown < _LINGER_BYTES:
                message = await asked.receive()
                thrown += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


def location(path: str) -> tuple[bytes, bytes]:
    return (b"location", path.encode("ascii"))
