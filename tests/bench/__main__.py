"""Runs the bench: `python -m tests.bench [--json] [--seconds N]`. Needs real Kafka and PostgreSQL."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import backlog, ingest, latency, messages, middle, startup
from tests.servers import apache_kafka, throw_away_postgres

MIDDLES = {
    "an admission (ADT A01)": (messages.admission, 500),
    "a report of 50 results (ORU R01)": (messages.report, 60),
    "a letter with a PDF of 1 MB (MDM T02)": (messages.letter, 20),
}


STAGES = ("decode", "map", "validate", "restrict_and_bytes", "whole", "json_alone", "whole_with_fhir_resources")


def main() -> None:
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    options.add_argument("--seconds", type=float, default=6.0, help="length of each load, in seconds")
    given = options.parse_args()
    screen = Console(stderr=True)
    results: dict[str, Any] = {}
    with screen.status("one message, stage by stage") as status, tempfile.TemporaryDirectory() as home:
        results["middle"] = {name: middle.measure(make(), runs) for name, (make, runs) in MIDDLES.items()}
        status.update("from start to ready")
        results["startup"] = startup.measure(Path(home) / "startup")
        with apache_kafka() as kafka, throw_away_postgres() as postgres, postgres.database() as url:
            for name, database in (("sqlite", f"sqlite:///{home}/sqlite/hub.db"), ("postgresql", url)):
                status.update(f"durable intake on {name}")
                results[name] = _intake(Path(home) / name, database, kafka.address, given.seconds)
            status.update("from accepted to applied, through Kafka")
            with postgres.database() as other:
                results["latency"] = latency.measure(Path(home) / "latency", other, kafka.address, given.seconds)
            status.update("what waited while Kafka was away")
            with postgres.database() as third:
                results["backlog"] = backlog.measure(Path(home) / "backlog", third, kafka, given.seconds)
    if given.json:
        print(json.dumps(results, indent=1))
    else:
        _print(results)


def _intake(folder: Path, database: str, bootstrap: str, seconds: float) -> dict[str, Any]:
    with ingest.hub(folder, database, bootstrap, relay=False, consumer=False) as (address, key):
        count = int(seconds * 6000)
        ingest.drive(address, ingest.posts(messages.ADMISSION, key, 600), seconds=2, connections=32, rate=None)
        no_op = ingest.drive(address, ingest.no_ops(count * 4), seconds=seconds, connections=32, rate=None)
        requests = ingest.posts(messages.ADMISSION, key, count, start=1000)
        durable = ingest.drive(address, requests, seconds=seconds, connections=64, rate=None)
        return {"no_op": no_op, "durable": durable, "ratio": round(durable["rate"] / no_op["rate"], 3)}


def _print(results: dict[str, Any]) -> None:
    console = Console(file=sys.stdout)
    for title, middles in results["middle"].items():
        sizes = f"{middles['message_bytes']:,.0f} bytes in, {middles['bundle_bytes']:,.0f} out"
        stages = Table("stage", "µs", title=f"{title}: {sizes}, {middles['bundle_resources']:.0f} resources")
        for name in STAGES:
            stages.add_row(name.replace("_", " "), f"{middles[name]:,.1f}")
        console.print(stages)
        whole, alone = middles["whole"], middles["json_alone"]
        console.print(
            f"with fhir.resources inline: {middles['whole_with_fhir_resources'] / whole:.1f} times as long;"
            f" map: {middles['map'] / alone:.1f} times orjson.dumps of its bundle\n"
        )
    start = results["startup"]
    console.print(
        f"a gateway with every pack: ready {start['first']} s after its first start, {start['later']} s after later"
        f" ones, {start['libraries']} s of it for the libraries alone; {start['memory_mib']} MiB resident\n"
    )
    columns = ("database", "durable/s", "p50 ms", "p99 ms", "errors", "no-op/s", "durable : no-op")
    loads = Table(*columns, title="Intake, HTTP")
    for name in ("sqlite", "postgresql"):
        durable, no_op = results[name]["durable"], results[name]["no_op"]
        numbers = (durable["rate"], durable["p50_ms"], durable["p99_ms"], durable["errors"], no_op["rate"])
        loads.add_row(name, *map(str, numbers), str(results[name]["ratio"]))
    console.print(loads)
    late = results["latency"]
    console.print(
        f"\naccepted → applied by the timeline app, at {late['rate']} events/s through Kafka:"
        f" p50 {late['p50_ms']} ms, p99 {late['p99_ms']} ms over {late['applied']} of {late['accepted']} events\n"
    )
    waited = results["backlog"]
    drain = Table("what waited", "durable/s", "arriving/s", "drained/s", "drained : durable", title="Kafka back")
    rates = (waited["durable_rate"], waited["arriving_rate"], waited["drain_rate"], waited["ratio"])
    drain.add_row(f"{waited['backlog']:,} events", *map(str, rates))
    console.print(drain)
    console.print(
        f"the first sent {waited['seconds_to_first']} s after Kafka was started; {waited['missing']} missing and"
        f" {waited['inversions']} out of order of {waited['records']:,} read; relay {waited['memory_before_mib']} MiB"
        f" resident before, at most {waited['memory_most_mib']} MiB"
    )


if __name__ == "__main__":
    main()
