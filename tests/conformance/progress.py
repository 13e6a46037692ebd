"""How far the judging is, on standard error: a bar on a terminal, elsewhere a line for each stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Told: TypeAlias = Callable[[str, int, int], None]
"""Gets the stage, how much of it is done, and how much there is; 0 where nobody knows."""


@contextmanager
def shown(console: Console) -> Iterator[Told]:
    if not console.is_terminal:
        yield stages(lambda stage: console.print(stage, highlight=False, soft_wrap=True))
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("", total=None)

        def tell(stage: str, done: int, of: int) -> None:
            bars.update(bar, description=stage, completed=done, total=of or None)

        yield tell


def stages(say: Callable[[str], None]) -> Told:
    """Says each stage once."""
    last = ""

    def tell(stage: str, done: int, of: int) -> None:
        nonlocal last
        if stage != last:
            last = stage
            say(stage)

    return tell
