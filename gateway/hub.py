"""What a running gateway is made of. Built once, by carehub.composition; handed to every door."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from contract.identifiers import ResourceIds
from gateway.shelf import Shelf
from gateway.store.database import Database
from gateway.store.keeping import Keeping, Kept


class Keeps(Protocol):
    """The group commit of gateway.store.group."""

    def keep(self, keeping: Keeping) -> Awaitable[Kept]: ...


@dataclass(frozen=True, slots=True)
class Hub:
    database: Database
    keeper: Keeps
    shelf: Shelf
    ids: ResourceIds
