"""The shelf of a running gateway: its stock follows the register, and is made anew when somebody asks for it.

A message takes its pack from the stock that stands when it comes, and is mapped by it to the end, whatever happens to
the shelf meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from contract.errors import Code, Unavailable, refuse
from gateway.ops.attempts import Attempts
from gateway.source import Source
from gateway.stock import Stock, stock_up
from gateway.store.health import PackNews
from gateway.store.localities import Register
from mappings.language import Cache, CompiledPack
from mappings.stages import Decoded

LOOK_SECONDS: Final = 2.0
"""How often the register is asked whether a source, place or pin has changed, or a reload is wanted."""

_TOLD_AT_MOST: Final = 20

log = structlog.get_logger()


class Shelf:
    """`register` reads what is registered; `search` is where local packs are; whoever sets `reload` wants every pack
    read again; `settled` is called when another stock stands that holds packs which the one before did not."""

    def __init__(
        self,
        register: Callable[[], Awaitable[Register]],
        search: Sequence[Path] = (),
        cache: Cache | None = None,
        reload: asyncio.Event | None = None,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self._register = register
        self._search = search
        self._cache = cache
        self._settled = settled
        self._stock = Stock()
        self._reloads = 0
        self._wanted = reload or asyncio.Event()
        self._making = asyncio.Lock()
        self._attempts = Attempts("shelf")

    @property
    def stock(self) -> Stock:
        """What stands there now."""
        return self._stock

    async def choose(self, source: Source, decoded: Decoded) -> CompiledPack:
        """The pack that maps this message of the source. Raises Forbidden and Unavailable as Stock.choose does."""
        return (await self._stock_for(source)).choose(source, decoded)

    async def packs_of(self, source: Source) -> list[CompiledPack]:
        """The source's packs that can be loaded. Raises Unavailable."""
        return (await self._stock_for(source)).packs_of(source)

    async def fill(self) -> None:
        """The first stock. Raises Unavailable when the register cannot be read."""
        async with self._making:
            await self._make(await self._register(), reread=True)

    async def run(self) -> None:
        """Follows the register until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wanted.wait()
            with self._attempts.attempt():
                await self.look()
            if self._attempts.failed:  # a reload may still be wanted, and not at once again
                await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Makes a new stock if the register has changed, or a reload is wanted. Raises Unavailable."""
        register = await self._register()
        async with self._making:
            if register.reloads != self._reloads or self._wanted.is_set():
                self._wanted.clear()
                await self._make(register, reread=True)
                kept = sum(each.pack is not None for _, _, each in self._stock.faults())
                log.info("packs-reloaded", packs=len(self._stock.compiled), kept_as_they_were=kept)
            elif self._outdated(register):
                await self._make(register, reread=False)

    def news(self) -> PackNews:
        """For operators. The trouble has a line for every source that is refused or runs older files than there are."""
        lines = [f"an overlay cannot be read: {text.splitlines()[0]}" for text in self._stock.unread]
        for kind, name, each in self._stock.faults():
            what = "runs its last good mapping" if each.pack else "is refused" if kind == "source" else "cannot be used"
            lines.append(f"{kind} {name} {what}: {each.brief}")
        more = len(lines) - _TOLD_AT_MOST
        told = [*lines[:_TOLD_AT_MOST], *([f"and {more} more: carehub packs lint"] if more > 0 else [])]
        return PackNews(self._reloads, "\n".join(told))

    async def _stock_for(self, source: Source) -> Stock:
        if source.id not in self._stock.sources:
            async with self._making:
                if source.id not in self._stock.sources:
                    await self._make(await self._register(), reread=False)
        stock = self._stock
        if source.id not in stock.sources:
            raise refuse(Unavailable, Code.UNAVAILABLE, "this source is being registered; send it again")
        return stock

    async def _make(self, register: Register, *, reread: bool) -> None:
        """One at a time. The old stock serves until the new one stands."""
        before = self._stock
        self._stock = await asyncio.to_thread(
            stock_up, register.sources, self._search, self._cache, before, reread=reread
        )
        self._reloads = register.reloads
        if before.compiled and self._stock.compiled.keys() - before.compiled.keys():
            self._settled()

    def _outdated(self, register: Register) -> bool:
        stands: Mapping[str, object] = {id_: known.registered for id_, known in self._stock.sources.items()}
        return stands != register.sources
