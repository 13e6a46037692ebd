"""Group commit: messages that wait for the database share its next transaction, in the order they came.

keep() → queue, bounded in rows and bytes → one task: take a group, one transaction, answer each
                                               └ a group that fails is split until only the faulty message fails
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError

from contract.errors import Code, Issue, Unavailable
from gateway.chain import behind
from gateway.store.clock import Clock, SteadyClock
from gateway.store.database import Database
from gateway.store.entry import Entry, StoreKeys, prepare
from gateway.store.keep import keep_batch
from gateway.store.keeping import Keeping, Kept
from gateway.store.sharing import Sharing

FAILING_SECONDS: Final = 5.0
"""For how long a commit that failed counts, when none comes after it: nobody may send any more."""

GROUP_ROWS: Final = 256
GROUP_BYTES: Final = 16 * 1024 * 1024
"""What one transaction holds at most; a single larger message still makes a group of its own."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    entry: Entry
    answer: asyncio.Future[Kept]

    @property
    def cut_off(self) -> bool:
        """Whether one before it in its chain could not be kept."""
        link = self.entry.keeping.link
        return link is not None and link.chain.broken

    def fail(self, failure: BaseException) -> None:
        link = self.entry.keeping.link
        if link is not None and isinstance(failure, Unavailable):
            link.chain.broken = True
        if not self.answer.done():
            self.answer.set_exception(failure)


class Keeper:
    """Started and closed by the composition root; used from one event loop.

    `rows` and `size` (bytes) bound what waits for a commit.
    """

    def __init__(
        self,
        database: Database,
        keys: StoreKeys,
        *,
        rows: int = 2000,
        size: int = 256 * 1024 * 1024,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keys = keys
        self._rows = rows
        self._size = size
        self._clock = clock or SteadyClock()
        self._monotonic = monotonic
        self._failed: float | None = None
        self._sharing = Sharing()
        self._queue: deque[_Waiting] = deque()
        self._held = 0
        self._more = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Messages that wait for their commit."""
        return len(self._queue)

    @property
    def failing(self) -> bool:
        """Whether the database did not take the last group, a moment ago."""
        return self._failed is not None and self._monotonic() - self._failed < FAILING_SECONDS

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="group-commit")

    async def close(self) -> None:
        """Refuses what comes from now on, and returns when all that waits is answered."""
        self._closing = True
        self._more.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def keep(self, keeping: Keeping) -> asyncio.Future[Kept]:
        """What became of the message, once that is durable. Giving up on the answer does not take the message back.

        Raises Unavailable when too much waits already or the keeper is closed, TooLarge for an event that no topic
        takes. The future raises Unavailable when the database cannot be used now, or could not before for a message of
        the same chain.
        """
        if self._closing or len(self._queue) >= self._rows or self._held >= self._size:
            text = "too many messages wait to be made durable; send this one again later"
            raise Unavailable(Issue(Code.UNAVAILABLE, "", text, retryable=True), retry_after=1.0)
        entry = prepare(keeping, self._keys)
        answer: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(entry, answer))
        if keeping.link is not None:
            keeping.link.take(answer, keeping.tells_of)
        self._held += entry.size
        self._more.set()
        return answer

    async def _work(self) -> None:
        while self._queue or not self._closing:
            self._more.clear()
            if self._queue:
                await self._keep_group(self._next_group())
            elif not self._closing:
                await self._more.wait()

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        while self._queue and len(group) < GROUP_ROWS:
            size += self._queue[0].entry.size
            if group and size > GROUP_BYTES:
                break
            waiting = self._queue.popleft()
            self._held -= waiting.entry.size
            group.append(waiting)
        return group

    async def _keep_group(self, group: Sequence[_Waiting]) -> None:
        """Keeps the group in one transaction; halves it, in order, while it fails for what is in it."""
        for waiting in group:
            if waiting.cut_off:
                waiting.fail(behind())
        group = [waiting for waiting in group if not waiting.cut_off]
        if not group:
            return
        kept, failure = await self._attempt(group)
        if isinstance(failure, IntegrityError) and len(group) == 1:
            kept, failure = await self._attempt(group)  # another gateway was first; now its row is seen
        if failure is None:
            for waiting, result in zip(group, kept, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(result)
        elif isinstance(failure, Unavailable) or len(group) == 1:
            for waiting in group:
                waiting.fail(failure)
        else:
            middle = len(group) // 2
            await self._keep_group(group[:middle])
            await self._keep_group(group[middle:])

    async def _attempt(self, group: Sequence[_Waiting]) -> tuple[list[Kept], BaseException | None]:
        """A task of its own, so that whatever goes wrong in it is somebody's answer and never ends the work."""
        entries = [waiting.entry for waiting in group]
        attempt = asyncio.ensure_future(self._database.run(keep_batch, entries, self._sharing, self._clock))
        await asyncio.wait([attempt])
        failure = attempt.exception()
        self._failed = self._monotonic() if isinstance(failure, Unavailable) else None
        return ([], failure) if failure is not None else (attempt.result(), None)
