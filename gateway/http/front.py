"""What the endpoints stand on: the parts of a gateway that the HTTP door uses, and the recognising of who asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from contract.errors import Code, TooMany, refuse
from gateway.door import SEND, VIEW, Door, require
from gateway.files import Files
from gateway.http.exchange import Asked
from gateway.hub import Hub
from gateway.limits import InFlight, Limits
from gateway.ops.health import Health
from gateway.ops.metrics import Metrics
from gateway.reception import Reception
from gateway.source import Principal
from gateway.store.entry import StoreKeys
from gateway.stories import Stories


@dataclass(frozen=True, slots=True)
class Front:
    hub: Hub
    door: Door
    files: Files
    reception: Reception
    stories: Stories
    keys: StoreKeys
    health: Health
    metrics: Metrics
    limits: Limits
    in_flight: InFlight
    _open: dict[str, int] = field(default_factory=dict)

    async def who(self, asked: Asked, scope: str) -> Principal:
        """Raises Unauthenticated, Forbidden when the principal lacks `scope`, Unavailable."""
        principal = await self.door.of_key(asked.bearer())
        asked.principal_id = principal.id
        return require(principal, scope)

    async def reader(self, asked: Asked) -> tuple[Principal, str | None]:
        """Who looks something up, and the source it is confined to: a sender sees only its own, an operator all."""
        principal = await self.door.of_key(asked.bearer())
        asked.principal_id = principal.id
        if VIEW in principal.scopes:
            return principal, None
        return require(principal, SEND), principal.id

    @contextmanager
    def turn(self, principal: Principal) -> Iterator[None]:
        """One of the requests that a principal may have open. Raises TooMany when there are enough."""
        now = self._open.get(principal.id, 0)
        if now >= self.limits.at_once:
            text = f"this source has {now} requests open; wait for their answers before you send more"
            raise refuse(TooMany, Code.TOO_MANY, text)
        self._open[principal.id] = now + 1
        try:
            yield
        finally:
            self._open[principal.id] -= 1
