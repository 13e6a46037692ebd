"""A short run of the faults that need nothing beside the servers; `make faults` runs all of them, and longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.conftest import missing
from tests.faults.hub import running_hub
from tests.faults.report import last_line
from tests.faults.run import Run
from tests.faults.schedule import NETWORK_AND_CLOCKS, Kind, draw
from tests.servers import UnstartableError

SECONDS = 45.0
SEED = 20261123

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]


def test_nothing_is_lost_out_of_order_twice_or_misplaced(record_property: Callable[[str, object], None]) -> None:
    kinds = [kind for kind in Kind if kind not in NETWORK_AND_CLOCKS]
    try:
        with running_hub(processes_only=True) as hub:
            run = Run(hub, draw(SEED, SECONDS, kinds), SECONDS)
            verdict = asyncio.run(run.go())
    except UnstartableError as error:
        missing(error)
    record_property("counted", f"PostgreSQL: {last_line(verdict, run.injector.done)}")
    assert verdict.clean, verdict.told()
    assert set(run.injector.done) == set(kinds)
