"""How long the shards of a relay that died or hangs stand alone, by the database's clock and its lease rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from gateway.relay.leases import LEASE_SECONDS
from tests.faults.hub import AWAY, Hub
from tests.faults.schedule import Fault

PROMISED_SECONDS: Final = 10.0
_GIVEN_UP_SECONDS: Final = 40.0
_LOOK_SECONDS: Final = 0.2
_ROUND_SECONDS: Final = 1.0
"""A relay that lives renews its leases this often: what was not renewed after two rounds was another's."""

_DISTURBING: Final = ("database", "relay")

_BEHIND: Final = "SELECT count(*) FROM relay_lease WHERE until IS NULL OR until < $1::timestamptz + $2::interval"
"""Groups that nobody has renewed or taken since a moment."""


@dataclass
class Handovers:
    """`seconds` holds each handover that nothing else disturbed: the database well, and the other relay too. `awaited`
    counts all of them."""

    hub: Hub
    seconds: list[float] = field(default_factory=list)
    awaited: int = 0

    @property
    def longest(self) -> float:
        return max(self.seconds, default=0.0)

    async def await_others(self, fault: Fault, now: Sequence[Fault]) -> None:
        """Returns when every group was renewed or taken by a relay that lives, after the moment of this call, at which
        `fault` has stopped its relay; `now` holds what else is under way. Gives up after a while."""
        loop = asyncio.get_running_loop()
        begun, held, disturbed = loop.time(), False, False
        moment: object = None
        while (took := loop.time() - begun) < _GIVEN_UP_SECONDS:
            disturbed |= any(_disturbs(other) for other in now if other is not fault)
            try:
                if moment is None:
                    (moment,) = await self.hub.ask("SELECT clock_timestamp()")
                (behind,) = await self.hub.ask(_BEHIND, moment, timedelta(seconds=LEASE_SECONDS))
            except AWAY:
                disturbed = True
            else:
                if not behind:
                    break
                held |= took > 2 * _ROUND_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
        if held:
            self.awaited += 1
            if not disturbed:
                self.seconds.append(took)


def _disturbs(fault: Fault) -> bool:
    return fault.target.startswith(_DISTURBING)
