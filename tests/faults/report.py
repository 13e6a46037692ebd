"""What a run looks like while it goes, and what it says in the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.faults.check import Verdict
from tests.faults.run import Run
from tests.faults.schedule import Kind

REFRESH_SECONDS: Final = 1.0
LINE_SECONDS: Final = 15.0


def last_line(verdict: Verdict, done: Counter[Kind]) -> str:
    """The one line that a run is judged by."""
    each = ", ".join(f"{kind} {done[kind]}" for kind in Kind if done[kind])
    return f"{verdict.line()} · faults {sum(done.values())}" + (f" ({each})" if each else "")


def as_json(run: Run, verdict: Verdict, seed: int) -> dict[str, Any]:
    return {
        "ok": verdict.clean,
        "seed": seed,
        "seconds": run.duration,
        "acknowledged": verdict.acknowledged,
        **{str(wrong): len(texts) for wrong, texts in verdict.found.items()},
        "refused and kept": verdict.refused_and_kept,
        "faults": {str(kind): run.injector.done[kind] for kind in Kind},
        "read": verdict.read,
        "repeats": verdict.repeats,
        "attempts": {str(answer): count for answer, count in run.ledger.attempts.items()},
        "fenced": run.fenced,
        "handovers": [round(seconds, 2) for seconds in run.handovers.seconds],
        "reasons": dict(verdict.reasons()),
        "examples": {str(wrong): texts[:5] for wrong, texts in verdict.found.items() if texts},
        "surprises": verdict.surprises,
    }


def print_report(console: Console, run: Run, verdict: Verdict) -> None:
    """A table of the faults, what was found and why, and the last line."""
    faults = Table("fault", "times", box=None, pad_edge=False)
    for kind in Kind:
        faults.add_row(str(kind), str(run.injector.done[kind]))
    console.print(faults)
    attempts = ", ".join(f"{answer} {count}" for answer, count in run.ledger.attempts.most_common())
    console.print(f"attempts to send: {attempts}")
    console.print(f"records read {verdict.read}, repeats among them {verdict.repeats}")
    handovers = run.handovers
    console.print(
        f"shards taken over from a lost relay {handovers.awaited} times; undisturbed {len(handovers.seconds)} times,"
        f" the longest after {handovers.longest:.1f} s; groups whose former relay Kafka turned away {run.fenced}"
    )
    if told := verdict.told():
        console.print(told, markup=False, soft_wrap=True)
    console.print(last_line(verdict, run.injector.done), markup=False, soft_wrap=True)


@contextmanager
def progress(console: Console, run: Run) -> Iterator[None]:
    """Shows how it goes until the block ends: on a terminal in place, elsewhere a line now and then."""
    telling = asyncio.create_task(_tell_live(console, run) if console.is_terminal else _tell(console, run))
    try:
        yield
    finally:
        telling.cancel()


async def _tell_live(console: Console, run: Run) -> None:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(_state(run), refresh=True)
            await asyncio.sleep(REFRESH_SECONDS)


async def _tell(console: Console, run: Run) -> None:
    while True:
        await asyncio.sleep(LINE_SECONDS)
        console.print(_state(run), markup=False, soft_wrap=True)


def _state(run: Run) -> str:
    now = ", ".join(f"{fault.target}: {fault.kind}" for fault in run.injector.now) or "none"
    return (
        f"{run.seconds:4.0f} s of {run.duration:.0f} · acknowledged {len(run.ledger.acknowledged)}"
        f" · in flight {run.ledger.in_flight()} · faults {sum(run.injector.done.values())} of {len(run.faults)}"
        f" · now: {now}"
    )
