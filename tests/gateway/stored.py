"""A real store on SQLite with an intake in front of it that needs no mapping packs: rows say themselves what is to
become of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import orjson

from contract.errors import Code, Issue, Refusal, Unprocessable, refuse
from contract.identifiers import ResourceIds
from gateway.delivery import Delivery, Receipt
from gateway.hub import Hub
from gateway.intake import keeping, receipt, who_sent
from gateway.ops.metrics import Metrics
from gateway.reception import Reception
from gateway.shelf import Shelf
from gateway.source import Source
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.keeping import Accepted, Refused, Waits
from mappings.stages import Decoded, Json, ParentRef, ParentState, ResourceState
from migrations.run import upgrade
from tests.gateway.store.making import KEYS, PAS, draft, person, register


class AnyPack:
    """Stands on the shelf for every format of the source."""

    def __init__(self, refusal: Refusal | None = None) -> None:
        self.refusal = refusal

    async def choose(self, source: Source, decoded: Decoded) -> None:
        if self.refusal is not None:
            raise self.refusal


@dataclass
class Stored:
    """`raises` are exceptions for the next deliveries, in turn; `taken` the bodies as rows, in order."""

    hub: Hub
    shelf: AnyPack
    metrics: Metrics = field(default_factory=Metrics)
    raises: list[Exception] = field(default_factory=list)
    taken: list[Json] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.hub.database

    @property
    def reception(self) -> Reception:
        return Reception(self.take, self.metrics)

    async def take(self, delivery: Delivery) -> Receipt:
        """A row `{"who": …, "what": …}`: what is `bad`, `parent`, `child`, or an ordinary event."""
        row = orjson.loads(delivery.body)
        self.taken.append(row)
        if self.raises:
            raise self.raises.pop(0)
        source, refusal = who_sent(delivery), None
        outcome: Accepted | Waits | Refused = Accepted((draft(person(str(row["who"]))),))
        if row["what"] == "bad":
            refusal = Unprocessable(Issue(Code.INVALID_DATE, f"row {delivery.row.number}, when", "is not a date"))  # type: ignore[union-attr]
            outcome = Refused(refusal.issues)
        elif row["what"] == "parent":
            state = ResourceState("EpisodeOfCare", _parent_of(row), b"h" * 32, ParentState({"id": "p"}, {}))
            outcome = Accepted((draft(person(str(row["who"])), states=(state,)),))
        elif row["what"] == "child" and not await self._knows(_parent_of(row), delivery):
            outcome = Waits((ParentRef("EpisodeOfCare", _parent_of(row), "ServiceRequestId"),))
        kept = await self.hub.keeper.keep(keeping(delivery, source, None, outcome))
        return receipt(kept, source, outcome, refusal)

    async def _knows(self, parent: str, delivery: Delivery) -> bool:
        from gateway.store.states import load_parents

        if delivery.link is not None:
            await delivery.link.chain.settled([parent])
        known = await self.database.read(load_parents, who_sent(delivery).id, [parent], delivery.resumes)
        return parent in known


def _parent_of(row: Any) -> str:
    return f"episode-{row['who']}"


def refuse_format() -> Refusal:
    from contract.errors import Forbidden

    return refuse(Forbidden, Code.FORBIDDEN, "this source is not registered for csv messages")


@asynccontextmanager
async def stored(folder: Path) -> AsyncIterator[Stored]:
    url = f"sqlite:///{folder / 'hub.sqlite'}"
    await upgrade(url, "hub")
    database = Database(url)
    await database.open()
    await database.run(register, PAS)
    keeper = Keeper(database, KEYS)
    await keeper.start()
    shelf = AnyPack()
    yield Stored(Hub(database, keeper, cast("Shelf", shelf), ResourceIds(b"i" * 32)), shelf)
    await keeper.close()
    await database.close()
