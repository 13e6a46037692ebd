"""The checker finds what it is there for: with one guarantee taken out of real processes, that one is reported, as what
it is, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.conftest import missing
from tests.faults.check import Verdict, Wrong
from tests.faults.hub import EACH, running_hub
from tests.faults.persons import FILES
from tests.faults.run import Run
from tests.faults.schedule import Fault, Kind
from tests.servers import UnstartableError

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]

COUNTED = Callable[[str, object], None]


def verdict_on(sabotage: str, faults: list[Fault], seconds: float, counted: COUNTED, *, files: bool = True) -> Verdict:
    try:
        with running_hub(sabotage, processes_only=True) as hub:
            if not files:
                del hub.keys[FILES.id]
            verdict = asyncio.run(Run(hub, faults, seconds).go())
    except UnstartableError as error:
        missing(error)
    counted("counted", f"{sabotage}: {verdict.line()}")
    return verdict


def assert_found_only(verdict: Verdict, wrong: Wrong, reason: str) -> None:
    assert verdict.reasons().keys() == {reason}, verdict.told()
    assert verdict.found[wrong]


def test_an_acknowledgement_before_the_commit_is_reported_as_missing_events(record_property: COUNTED) -> None:
    # with the database stopped nothing can be durable, whatever a sender is told; a file's later rows wait for the word
    # that the earlier ones are kept, and would lose their order, too
    faults = [Fault(3, Kind.DATABASE_STOPPED, "database", lasts=6)]
    faults += [Fault(4.5, Kind.GATEWAY_KILLED, f"gateway {number}") for number in range(EACH)]
    verdict = verdict_on("acknowledge-before-commit", faults, 15, record_property, files=False)
    assert_found_only(verdict, Wrong.MISSING, "acknowledged, and in no topic")


def test_a_removed_person_key_is_reported_as_lost_order(record_property: COUNTED) -> None:
    verdict = verdict_on("send-without-person-key", [], 5, record_property)
    assert_found_only(verdict, Wrong.INVERSION, "an event without a person key, which has no order")


def test_a_relay_that_is_not_fenced_is_reported_as_such(record_property: COUNTED) -> None:
    faults = [Fault(3 + 14 * number, Kind.RELAY_STOPPED, f"relay {number}", lasts=1) for number in range(EACH)]
    verdict = verdict_on("fence-nobody", faults, 20, record_property)
    assert_found_only(verdict, Wrong.INVERSION, "written by a relay that had lost its shards")


def test_an_inbox_that_remembers_nothing_is_reported_as_events_applied_twice(record_property: COUNTED) -> None:
    # what was applied and not committed is given to whoever comes next
    faults = [Fault(moment, Kind.CONSUMER_KILLED, f"consumer {n}") for moment in (3, 6, 9) for n in range(EACH)]
    verdict = verdict_on("forget-what-was-applied", faults, 12, record_property)
    assert_found_only(verdict, Wrong.TWICE, "applied more than once")
