"""When each source was last heard of, written down every few seconds: once a message would make gateways wait for each
other."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from contract.errors import Unavailable
from gateway.store.database import Database
from gateway.store.sources import touch_last_seen

EVERY_SECONDS: Final = 5.0


class LastSeen:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, datetime] = {}

    def note(self, source: str) -> None:
        """A message of this source came in just now, whatever became of it."""
        self._seen[source] = datetime.now(UTC)

    async def run(self) -> None:
        """Writes until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(EVERY_SECONDS)
                await self.write()
        finally:
            await self.write()

    async def write(self) -> None:
        """With the database away, what was noted is written the next time."""
        seen, self._seen = self._seen, {}
        try:
            await self._database.run(touch_last_seen, seen)
        except Unavailable:
            self._seen = {**seen, **self._seen}
