"""An await ends in time, even one that does not heed its cancellation."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway import deadline
from gateway.deadline import within


async def deaf(done: asyncio.Event) -> None:
    while not done.is_set():
        try:
            await done.wait()
        except asyncio.CancelledError:
            continue


async def test_what_is_done_in_time_returns_or_raises_as_it_is() -> None:
    assert await within(5, asyncio.sleep(0, "answer")) == "answer"

    async def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await within(5, fail())


async def test_what_takes_too_long_is_cancelled_and_has_cleaned_up_by_then() -> None:
    cleaned: list[str] = []

    async def late() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("up")

    with pytest.raises(TimeoutError):
        await within(0.01, late())
    assert cleaned == ["up"]


async def test_what_heeds_nothing_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "HEEDING_SECONDS", 0.05)
    done, begun = asyncio.Event(), time.monotonic()
    with pytest.raises(TimeoutError):
        await within(0.01, deaf(done))
    caller = asyncio.create_task(within(3600, deaf(done)))
    await asyncio.sleep(0.01)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert time.monotonic() - begun < 5
    done.set()


async def test_what_is_cancelled_from_within_does_not_look_like_a_cancellation_of_the_caller() -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ConnectionAbortedError):
        await within(5, give_up())
