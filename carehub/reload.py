"""Asks every running gateway to read its packs again, and what became of it in each."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from carehub.databases import open_hub
from carehub.heartbeat import alive
from carehub.register.credentials import note
from carehub.settings import Settings
from gateway.store.localities import ask_reload
from gateway.store.models import heartbeat

_LOOK_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Reread:
    """One gateway: whether it has read its packs anew, and what is wrong with them, a line each."""

    gateway: str
    done: bool
    trouble: tuple[str, ...]


async def reload_packs(settings: Settings, seconds: float) -> list[Reread]:
    """Every gateway that runs, as it stands when all have read their packs again, or after `seconds`. A message that
    comes meanwhile is mapped by the pack that stands when it comes."""
    async with open_hub(settings) as database:
        asked = await database.run(_ask)
        deadline = time.monotonic() + seconds
        while True:
            found = await database.read(_gateways, asked)
            if all(each.done for each in found) or time.monotonic() > deadline:
                return found
            await asyncio.sleep(_LOOK_SECONDS)


def _ask(connection: Connection) -> int:
    note(connection, "packs-reload-asked", "packs")
    return ask_reload(connection)


def _gateways(connection: Connection, asked: int) -> list[Reread]:
    living = select(heartbeat).where(*alive(connection, "gateway"))
    rows = connection.execute(living.order_by(heartbeat.c.process))
    return [Reread(row.process, row.reloads >= asked, tuple(row.trouble.splitlines())) for row in rows]
