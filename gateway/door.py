"""Who is at the door: from a credential to a Principal.

    API key             SHA-256, looked up by equality of the hash: no comparison whose time tells anything
    client certificate  SHA-256 of its DER form
    MLLP port           the source that the port is bound to

What was found is believed for a few seconds, so that the database is not asked per message and `sources disable`,
`rotate` and `pause` still bite within five. No credential is logged or shown in an error.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias

from contract.errors import Code, Forbidden, Issue, Unauthenticated, Unavailable, refuse
from gateway.source import Principal

SEND: Final = "send"
"""Scope of a source: to send, preview, and ask after its own messages."""

VIEW: Final = "view"
"""Scope of operators and monitors of either role: health by name, metrics, topics, any message's story."""

OPERATE: Final = "operate"
"""Scope of the role `operator`: what changes something."""

BELIEVED_SECONDS: Final = 3.0
_MOST_REMEMBERED: Final = 10_000
PAUSED_RETRY_SECONDS: Final = 60.0

_Key: TypeAlias = bytes | int


class Register(Protocol):
    """Where credentials are kept. Each answers None for what is unknown, revoked or disabled, and raises Unavailable
    when it cannot be asked."""

    def by_hash(self, digest: bytes) -> Awaitable[Principal | None]: ...

    def by_port(self, port: int) -> Awaitable[Principal | None]: ...


class Door:
    """Raises, from every lookup: Unauthenticated for what is unknown, revoked or disabled; Unavailable for a source
    that is paused, and when the register cannot be asked."""

    def __init__(
        self,
        register: Register,
        *,
        believed: float = BELIEVED_SECONDS,
        patience: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._register = register
        self._believed = believed
        self._patience = patience
        self._clock = clock
        self._found: dict[_Key, tuple[float, Principal | None]] = {}
        self._asking: dict[_Key, asyncio.Future[Principal | None]] = {}

    async def of_key(self, key: str) -> Principal:
        """`key` as it stands after `Authorization: Bearer`."""
        return await self._of_hash(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest())

    async def of_certificate(self, der: bytes) -> Principal:
        """`der` is the client certificate of a TLS connection whose handshake has proven its private key."""
        return await self._of_hash(hashlib.sha256(der).digest())

    async def of_port(self, port: int) -> Principal:
        """`port` is the local port of an MLLP listener."""
        return _admitted(await self._find(port, lambda: self._register.by_port(port)))

    def forget(self) -> None:
        """Believes nothing any more: the next message of everybody asks the register."""
        self._found.clear()

    async def _of_hash(self, digest: bytes) -> Principal:
        return _admitted(await self._find(digest, lambda: self._register.by_hash(digest)))

    async def _find(self, key: _Key, ask: Callable[[], Awaitable[Principal | None]]) -> Principal | None:
        """Many messages that miss at once ask the register once; one that is given up does not take the answer away."""
        remembered = self._found.get(key)
        if remembered is not None and remembered[0] > self._clock():
            return remembered[1]
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.ensure_future(self._ask(key, ask))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    async def _ask(self, key: _Key, ask: Callable[[], Awaitable[Principal | None]]) -> Principal | None:
        try:
            async with asyncio.timeout(self._patience):
                principal = await ask()
        except TimeoutError:
            raise refuse(
                Unavailable, Code.UNAVAILABLE, "credentials cannot be checked now; send the message again"
            ) from None
        if len(self._found) >= _MOST_REMEMBERED:
            self._found.clear()
        self._found[key] = (self._clock() + self._believed, principal)
        return principal


def _admitted(principal: Principal | None) -> Principal:
    if principal is None:
        raise refuse(Unauthenticated, Code.UNAUTHENTICATED, "the credential is unknown, revoked or disabled")
    if principal.source is not None and principal.source.paused:
        issue = Issue(
            Code.UNAVAILABLE, "", "this source is paused by the hub's operators; send again later", retryable=True
        )
        raise Unavailable(issue, retry_after=PAUSED_RETRY_SECONDS)
    return principal


def require(principal: Principal, scope: str) -> Principal:
    """Raises Forbidden when the principal may not do what needs `scope`."""
    if scope not in principal.scopes:
        raise refuse(Forbidden, Code.FORBIDDEN, f"this credential may not do that: it needs the scope {scope!r}")
    return principal
