"""What intake would make of a message now: the whole straight line, but for the keeping."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.delivery import Delivery, Status
from gateway.hub import Hub
from gateway.intake import intake
from gateway.store.keeping import Keeping, Kept, Refused


async def foresee(delivery: Delivery, hub: Hub) -> Keeping:
    """What would be kept: accepted or waiting. Raises the Refusal that its sender would get, and Unavailable."""
    keeper = _KeepsNothing()
    await intake(delivery, replace(hub, keeper=keeper))
    if keeper.given is None:
        raise RuntimeError("intake returned and kept nothing")
    return keeper.given


@dataclass(slots=True)
class _KeepsNothing:
    """Stands where the group commit does."""

    given: Keeping | None = None

    async def keep(self, keeping: Keeping) -> Kept:
        self.given = keeping
        refused = isinstance(keeping.outcome, Refused)
        return Kept("", keeping.received, Status.ACCEPTED, refused=refused)
