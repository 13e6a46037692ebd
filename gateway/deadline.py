"""An await that ends in time, whatever it waits for: a client may swallow its cancellation, or never finish closing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

HEEDING_SECONDS: Final = 1.0
"""How long what was cancelled may take to clean up before it is left to itself."""


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, or raises.

    Raises TimeoutError after `seconds`, and ConnectionAbortedError when `work` was cancelled by something of its own.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            if task.cancelled():
                raise ConnectionAbortedError("cancelled from within")
            return task.result()
        raise TimeoutError(f"not done within {seconds:g} s")
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_look_at)
            await asyncio.wait({task}, timeout=HEEDING_SECONDS)


def _look_at(task: asyncio.Task[Any]) -> None:
    """Retrieves a failure, so that asyncio does not report it as forgotten."""
    if not task.cancelled():
        task.exception()
