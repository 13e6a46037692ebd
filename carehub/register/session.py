"""One short transaction on the hub's database, for a command that runs beside gateways which serve."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from carehub.databases import open_hub
from carehub.settings import Settings, read_settings

P = ParamSpec("P")
T = TypeVar("T")


def in_hub(work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs `work` on the hub's database of this environment, in one transaction.

    Raises Misconfigured when there is no migrated database, Unavailable when it cannot be used now.
    """
    return in_hub_of(read_settings(), work, *args, **kwargs)


def in_hub_of(
    settings: Settings, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """As in_hub, on the database of these settings."""

    async def run() -> T:
        async with open_hub(settings) as database:
            return await database.run(work, *args, **kwargs)

    return asyncio.run(run())
