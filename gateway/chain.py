"""Messages that are kept one behind the other, though none of them waits until the one before it is durable.

The rows of a file are such: many share a commit, and still none is kept that comes behind one that could not be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from contract.errors import Code, Refusal, Unavailable, refuse


class Chain:
    """The keeper breaks a chain at a message that it cannot keep now, and keeps none that hangs behind; whoever made
    the chain takes them up again in another."""

    def __init__(self) -> None:
        self.broken = False
        self._under_way: dict[asyncio.Future[Any], Collection[str]] = {}

    def hang(self, answer: asyncio.Future[Any], resources: Collection[str]) -> None:
        """One more message waits to be kept. `answer` is what becomes of it, `resources` are the ids of those that it
        tells of or waits for."""
        self._under_way[answer] = resources
        answer.add_done_callback(self._under_way.pop)

    async def settled(self, resources: Collection[str]) -> None:
        """Returns when no message under way has to do with these resources: what the store says of them is the last
        word. Raises Unavailable when the chain is broken."""
        wanted = set(resources)
        while concerned := [answer for answer, told in self._under_way.items() if wanted.intersection(told)]:
            await asyncio.wait(concerned)
        if self.broken:
            raise behind()


class Link:
    """One message's place in a chain. `taken` is done as soon as the message waits to be kept: the next may begin."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, answer: asyncio.Future[Any], resources: Collection[str]) -> None:
        """As Chain.hang; a message that is taken up once more, to be refused, hangs behind those that came since."""
        self.chain.hang(answer, resources)
        if not self.taken.done():
            self.taken.set_result(None)


def behind() -> Refusal:
    """What becomes of a message that hangs behind one that could not be kept."""
    return refuse(Unavailable, Code.UNAVAILABLE, "a message before it could not be kept; it is taken up again")
