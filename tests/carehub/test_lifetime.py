"""How a process lives: its parts run together, and none of them may die unnoticed."""

from __future__ import annotations

import asyncio

import pytest

from carehub.lifetime import run_parts
from contract.errors import Misconfigured


async def until(asked: asyncio.Event, done: list[str], name: str) -> None:
    await asked.wait()
    done.append(name)


async def test_parts_put_their_things_away_when_asked() -> None:
    asked, done = asyncio.Event(), list[str]()
    asyncio.get_running_loop().call_later(0.01, asked.set)
    await run_parts(asked, {"a": until(asked, done, "a"), "b": until(asked, done, "b")}, patience=5)
    assert sorted(done) == ["a", "b"]


async def test_a_part_that_fails_ends_the_others_cleanly_and_is_heard_of() -> None:
    asked, done = asyncio.Event(), list[str]()

    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_parts(asked, {"relay": fails(), "HTTP": until(asked, done, "HTTP")}, patience=5)
    assert done == ["HTTP"]


async def test_a_part_that_just_ends_has_failed_too() -> None:
    asked = asyncio.Event()

    async def ends() -> None:
        return

    with pytest.raises(Misconfigured, match="relay has ended by itself"):
        await run_parts(asked, {"relay": ends()}, patience=5)


async def test_a_part_that_does_not_end_is_ended_when_patience_is() -> None:
    asked = asyncio.Event()
    asked.set()

    async def hangs() -> None:
        await asyncio.sleep(3600)

    async with asyncio.timeout(5):
        await run_parts(asked, {"MLLP": hangs()}, patience=0.05)
