"""How a process of ours lives: it says once that it is ready, runs until it is asked to stop, and ends cleanly."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from carehub.output import print_json, print_line
from contract.errors import Misconfigured


@contextmanager
def stopped_by_signal() -> Iterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets. A second signal ends the process at once."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        if asked.is_set():
            signal.raise_signal(signal.SIGKILL)
        asked.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, ask)
    try:
        yield asked
    finally:
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(signum)


@contextmanager
def reload_by_signal() -> Iterator[asyncio.Event]:
    """An event that SIGHUP sets, each time. Without it that signal would end the process."""
    wanted = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, wanted.set)
    try:
        yield wanted
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def announce(text: str, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The one line that a server prints when it is ready."""
    if as_json:
        print_json(dict(facts))
    else:
        print_line(text)


async def run_parts(asked: asyncio.Event, parts: Mapping[str, Coroutine[Any, Any, None]], patience: float) -> None:
    """Runs the parts of a process until `asked` is set, which all of them watch; they have `patience` seconds to end.

    A part that ends by itself has failed: a process that does half its work must not look alive. Then the others are
    asked to stop, and what the part raised is raised, or Misconfigured with its name.
    """
    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    stop = asyncio.create_task(asked.wait(), name="stop")
    await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    failed = None if asked.is_set() else next((task for task in tasks if task.done()), None)
    asked.set()
    await stop
    _, late = await asyncio.wait(tasks, timeout=patience) if tasks else (set(), set())
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if failed is not None:
        failed.result()
        raise Misconfigured(f"{failed.get_name()} has ended by itself; the log says why")
    for task in tasks:
        if not task.cancelled():
            task.result()
