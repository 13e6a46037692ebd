"""Fuzzes every target, or those that are named, and prints what was run and found.

Examples:

    python -m tests.fuzz --seconds 60
    python -m tests.fuzz hl7v2 mllp --executions 1000000 --seconds 3600

Exit codes: 0 nothing found, 1 something found (the input is kept under tests/fuzz/found), 2 wrong usage, 3 atheris is
not installed here.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.fuzz.run import Outcome, Task, run
from tests.fuzz.targets import PLANTED, TARGETS
from tests.servers import data_folder

FOUND = Path(__file__).parent / "found"
SHOWN = 2000
"""Octets of an input that are printed: where only the log of a run is left, it can be made again from them."""


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.targets if name not in {**TARGETS, **PLANTED}]:
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    if importlib.util.find_spec("atheris") is None:
        print("make fuzz needs atheris, which has wheels for Linux on x86-64 and Python 3.11 to 3.13", file=sys.stderr)
        return 3
    names = given.targets or list(TARGETS)
    share = given.seconds * given.at_once / max(given.at_once, len(names))
    tasks = [Task(name, share, given.executions, given.seed, given.corpus / name, given.found / name) for name in names]
    with ThreadPoolExecutor(given.at_once) as pool:
        outcomes = list(pool.map(run, tasks))
    if given.json:
        print(json.dumps([asdict(outcome) | {"found": outcome.found} for outcome in outcomes], indent=1))
    else:
        _print(outcomes)
    return 1 if any(outcome.found for outcome in outcomes) else 0


def _parser() -> argparse.ArgumentParser:
    description, _, rest = (__doc__ or "").partition("\n")
    options = argparse.ArgumentParser(
        "make fuzz", description=description, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default: all")
    options.add_argument("--seconds", type=float, default=60.0, help="how long in all, start-up not counted")
    options.add_argument("--executions", type=int, default=-1, help="of each target at most")
    options.add_argument("--seed", type=int, default=0, help="0 takes another one each time")
    options.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="targets that run side by side")
    options.add_argument(
        "--corpus", type=Path, default=data_folder() / "fuzz", help="inputs that earlier runs reached new code with"
    )
    options.add_argument("--found", type=Path, default=FOUND, help="where inputs go that broke a promise")
    options.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    return options


def _print(outcomes: list[Outcome]) -> None:
    table = Table("target", "executions", "per second", "edges", "found", "slowest ms", "of bytes", "MiB", "grown")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in outcomes:
        table.add_row(
            each.target,
            f"{each.executions:,}",
            f"{each.per_second:,.0f}",
            f"{each.edges:,}",
            str(len(each.found)),
            f"{each.slowest_seconds * 1000:,.1f}",
            f"{each.slowest_size:,}",
            f"{each.last_mib:,.0f}",
            f"{each.grown_mib:,.0f}",
        )
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for each in outcomes:
        for text in each.found:
            console.print(f"{each.target}: {text}", markup=False, highlight=False, soft_wrap=True)
        for file in each.kept:
            console.print(f"  {Path(file).read_bytes()[:SHOWN]!r}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
