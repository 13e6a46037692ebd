"""Rows of a file on their way into the store: many at once, so that they share commits, and kept in their order.

A row begins when the one before it waits to be kept: what it hangs on is looked up, and it is mapped, in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from contract.errors import Issue, Refusal
from gateway.chain import Chain, Link
from gateway.delivery import Delivery
from gateway.rows import NOT_NOW, Worker, pauses

Pause: TypeAlias = Callable[[float, Refusal], Awaitable[None]]
"""Waits so many seconds, for the reason given; raises to give the work up."""


@dataclass(slots=True)
class _Row:
    """`attempt` is None as long as it has not begun."""

    delivery: Delivery
    issue: Issue | None
    attempt: asyncio.Task[None] | None = None

    @property
    def kept(self) -> bool:
        """Whether it is by now. Raises what no row may end by."""
        if self.attempt is None or not self.attempt.done() or self.refusal is not None:
            return False
        self.attempt.result()
        return True

    @property
    def refusal(self) -> Refusal | None:
        """Why it cannot be kept now."""
        error = self.attempt.exception() if self.attempt is not None and self.attempt.done() else None
        return error if isinstance(error, NOT_NOW) else None


class Pipeline:
    """`room` is shared with other files: it bounds how many rows are under way. `kept` is called for each row that is
    kept, whatever became of it; `pause` before rows are tried again."""

    def __init__(self, worker: Worker, room: asyncio.Semaphore, kept: Callable[[], None], pause: Pause) -> None:
        self._worker = worker
        self._room = room
        self._kept = kept
        self._pause = pause
        self._chain = Chain()
        self._rows: deque[_Row] = deque()

    async def put(self, delivery: Delivery, issue: Issue | None = None) -> None:
        """Begins one more row, once there is room. `issue` says why it is known to be refused already."""
        row = _Row(delivery, issue)
        self._rows.append(row)
        if await self._begin(row) and not self._chain.broken:
            self._count_kept()
        else:
            await self.settle()

    async def settle(self) -> None:
        """Returns when all rows are kept."""
        for seconds in pauses():
            refusal = await self._end_attempts()
            if refusal is None:
                return
            await self._pause(seconds, refusal)
            self._chain = Chain()
            for row in self._rows:
                if not await self._begin(row):
                    break

    async def drop(self) -> None:
        """Ends the attempts under way. What waits to be kept may be so yet, in its order."""
        attempts = self._attempts()
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)

    async def _begin(self, row: _Row) -> bool:
        """Whether the row waits to be kept now, so that the next may begin."""
        await self._room.acquire()
        link = Link(self._chain)
        row.attempt = asyncio.create_task(self._worker.attempt(replace(row.delivery, link=link), row.issue))
        row.attempt.add_done_callback(lambda _: self._room.release())
        await asyncio.wait({row.attempt, link.taken}, return_when=asyncio.FIRST_COMPLETED)
        return link.taken.done() or row.kept

    async def _end_attempts(self) -> Refusal | None:
        """Leaves those rows that are not kept. Returns why the first of them is not, None when there is none."""
        if attempts := self._attempts():
            await asyncio.wait(attempts)
        left = [row for row in self._rows if not row.kept]
        for _ in range(len(self._rows) - len(left)):
            self._kept()
        self._rows = deque(replace(row, attempt=None) for row in left)
        return left[0].refusal if left else None

    def _count_kept(self) -> None:
        while self._rows and self._rows[0].kept:
            self._rows.popleft()
            self._kept()

    def _attempts(self) -> list[asyncio.Task[None]]:
        return [row.attempt for row in self._rows if row.attempt is not None]
