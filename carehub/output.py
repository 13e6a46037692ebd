"""What commands print: the result alone on standard output, everything said about it on standard error.

Tables are for people: coloured on a terminal, whole and plain in a pipe. `--json` is for programs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, Any, Final, TypeAlias

import typer

WIDTH_IN_A_PIPE: Final = 400
"""Columns of a table that nobody looks at through a window: wide enough to cut nothing."""

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def print_json(value: object) -> None:
    """One line of JSON. Times become RFC 3339, bytes are not accepted."""
    import orjson

    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode() + "\n")
    sys.stdout.flush()


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A remark for the person at the keyboard: standard error, never part of the result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, none: str) -> None:
    """A table, or the line `none` when there are no rows."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None if not sys.stdout.isatty() else _box(), pad_edge=False, header_style="bold")
    empty = True
    for row in rows:
        empty = False
        table.add_row(*(Text(cell(value)) for value in row))
    if empty:
        say(none)
    else:
        _print_rich(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """One thing, a line per fact."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name, style="bold"), Text(cell(value)))
    _print_rich(table)


def print_story(found: dict[str, object], *, as_json: bool) -> None:
    """Facts a line each; what is many (events, issues, refusals) a line for each of them."""
    if as_json:
        print_json(found)
        return
    facts: dict[str, object] = {}
    for name, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            facts.update({f"{name} {n}": ", ".join(f"{k} {v}" for k, v in _flat(e)) for n, e in enumerate(value, 1)})
        else:
            facts[name] = value
    print_facts(facts)


def _flat(fact: dict[str, object]) -> list[tuple[str, object]]:
    """The members of a part, those of its own parts among them."""
    flat: list[tuple[str, object]] = []
    for name, value in fact.items():
        if isinstance(value, list):
            flat.extend(pair for part in value if isinstance(part, dict) for pair in _flat(part))
        elif value is not None:
            flat.append((name, value))
    return flat


def progress(what: str, *, quiet: bool) -> Callable[[int], AbstractContextManager[Callable[[int], None]]]:
    """A bar on a terminal's standard error while so many things are worked; nothing where nobody looks, or `quiet`."""

    @contextmanager
    def bar(total: int) -> Iterator[Callable[[int], None]]:
        if quiet or not sys.stderr.isatty():
            yield lambda _: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task(what, total=total)
            yield lambda more: shown.update(task, advance=more)

    return bar


def cell(value: object) -> str:
    """A value as a person reads it: times in UTC to the second, lists and pairs joined, nothing as a dash."""
    from datetime import UTC, datetime

    match value:
        case None | "" | () | []:
            return "-"
        case dict():
            return ", ".join(f"{name} {cell(part)}" for name, part in value.items()) or "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case list() | tuple():
            return ", ".join(cell(part) for part in value)
        case _:
            return str(value)


def console() -> Any:
    """A rich console on standard output, as wide as its content where no terminal sets the width."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else WIDTH_IN_A_PIPE)


def _print_rich(table: Any) -> None:
    """In a pipe without the blanks that fill the last column."""
    out = console()
    if sys.stdout.isatty():
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    for line in captured.get().splitlines():
        print_line(line.rstrip())


def _box() -> Any:
    from rich.box import SIMPLE_HEAD

    return SIMPLE_HEAD
