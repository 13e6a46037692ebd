"""`python -m tests.faults [--duration 90] [--seed N] [--json]`: exit code 0 when nothing was lost, out of order, twice
or misplaced, 1 when something was, 3 when what it needs is not on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import shutil
import sys
from pathlib import Path

from rich.console import Console

from tests.faults.check import Verdict
from tests.faults.hub import running_hub
from tests.faults.report import as_json, print_report, progress
from tests.faults.run import Run
from tests.faults.schedule import draw
from tests.servers import UnstartableError, data_folder


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--duration", type=float, default=90.0, help="seconds of load; 90 by default")
    parser.add_argument("--seed", type=int, default=None, help="draws the faults; another one each time by default")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    asked = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    told = Console(stderr=asked.json)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    told.print(f"seed {seed}; starting PostgreSQL, Kafka, two gateways, two relays and two consumers")
    try:
        with running_hub() as hub:
            run = Run(hub, draw(seed, asked.duration), asked.duration)
            verdict = asyncio.run(_go(told, run))
            if not verdict.clean:
                told.print(f"logs are kept in {_keep_logs(hub.folder)}")
    except UnstartableError as missing:
        print(f"make faults: {missing}", file=sys.stderr)
        return 3
    print_report(told, run, verdict)
    if asked.json:
        print(json.dumps(as_json(run, verdict, seed)))
    return 0 if verdict.clean else 1


async def _go(told: Console, run: Run) -> Verdict:
    with progress(told, run):
        return await run.go()


def _keep_logs(folder: Path) -> Path:
    kept = data_folder() / "faults"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in folder.glob("*.log"):
        shutil.copy(log, kept)
    return kept


if __name__ == "__main__":
    sys.exit(main())
