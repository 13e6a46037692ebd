"""Judges what is published: `python -m tests.conformance [--json]`. Exit 1 when something is ours to mend."""

from __future__ import annotations

import argparse
import json
import sys

from contract.errors import Misconfigured
from tests.conformance import report
from tests.conformance.judging import judge_everything
from tests.servers import data_folder


def main() -> int:
    options = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    options.add_argument("--json", action="store_true", help="print one JSON document instead of the report")
    given = options.parse_args()
    try:
        judged = judge_everything(data_folder(), lambda line: print(line, file=sys.stderr))
    except Misconfigured as lacking:
        print(f"conformance: {lacking}", file=sys.stderr)
        return 3
    print(json.dumps(report.document(judged), indent=1) if given.json else "\n".join(report.lines(judged)))
    return 1 if judged.found.ours or judged.faults else 0


if __name__ == "__main__":
    sys.exit(main())
