"""Judges what is published. Exit 0: it is sound; 1: something is ours to mend; 3: a judge is not to be had."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console

from contract.errors import Misconfigured
from tests.conformance import report
from tests.conformance.judging import judge_everything
from tests.conformance.odd import judge_odd
from tests.conformance.progress import shown
from tests.servers import data_folder

_EXAMPLE: Final = """example: make conformance ARGS="--mutated 500 --json" """


def main() -> int:
    options = argparse.ArgumentParser(prog="make conformance", description=__doc__, epilog=_EXAMPLE)
    options.add_argument("--json", action="store_true", help="print one JSON document instead of the report")
    options.add_argument(
        "--mutated",
        metavar="N",
        type=_positive,
        help="instead of samples and corpus: what N damaged or generated messages become, and N that lack a field",
    )
    given = options.parse_args()
    try:
        with shown(Console(stderr=True)) as told:
            if given.mutated:
                odd = judge_odd(data_folder(), given.mutated, told)
                sound, document, lines = not odd.errors, report.odd_document(odd), report.odd_lines(odd)
            else:
                judged = judge_everything(data_folder(), told)
                sound = not (judged.found.ours or judged.faults)
                document, lines = report.document(judged), report.lines(judged)
    except Misconfigured as lacking:
        print(f"conformance: {lacking}", file=sys.stderr)
        return 3
    _print(document if given.json else lines)
    return 0 if sound else 1


def _print(result: dict[str, Any] | Iterable[str]) -> None:
    print(json.dumps(result, indent=1) if isinstance(result, dict) else "\n".join(result))


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
