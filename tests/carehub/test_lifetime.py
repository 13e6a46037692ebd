"""How a process lives: its parts run together, and none of them may die unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from carehub.lifetime import run_parts
from contract.errors import Misconfigured


async def run(asked: asyncio.Event, parts: dict[str, Coroutine[Any, Any, None]], patience: float = 5) -> None:
    """run_parts; one that does not end fails its test instead of holding up all others."""
    async with asyncio.timeout(10):
        await run_parts(asked, parts, patience)


async def until(asked: asyncio.Event, done: list[str], name: str) -> None:
    await asked.wait()
    done.append(name)


async def test_parts_put_their_things_away_when_asked() -> None:
    asked, done = asyncio.Event(), list[str]()
    asyncio.get_running_loop().call_later(0.01, asked.set)
    await run(asked, {"a": until(asked, done, "a"), "b": until(asked, done, "b")})
    assert sorted(done) == ["a", "b"]


async def test_a_part_that_fails_ends_the_others_cleanly_and_is_heard_of() -> None:
    asked, done = asyncio.Event(), list[str]()

    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run(asked, {"relay": fails(), "HTTP": until(asked, done, "HTTP")})
    assert done == ["HTTP"]


async def test_a_part_that_just_ends_has_failed_too() -> None:
    asked = asyncio.Event()

    async def ends() -> None:
        return

    with pytest.raises(Misconfigured, match="relay has ended by itself"):
        await run(asked, {"relay": ends()})


async def test_a_part_that_does_not_end_is_ended_when_patience_is() -> None:
    asked = asyncio.Event()
    asked.set()

    async def hangs() -> None:
        await asyncio.sleep(3600)

    await run(asked, {"MLLP": hangs()}, patience=0.05)
