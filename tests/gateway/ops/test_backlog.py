"""How long until the outbox is full: an answer to act on, whatever the backlog did in the minute before."""

from __future__ import annotations

import math

import pytest

from gateway.ops.backlog import Budget, Measure, seconds_until_full
from gateway.store.health import Backlog

BUDGET = Budget(rows=1_000, size=1_000_000)


def measured(*rows: int, every: float = 5.0, size: int = 10) -> list[Measure]:
    """Measures every so many seconds; a row has `size` bytes."""
    return [Measure(100 + number * every, Backlog(count, count * size, 0.0)) for number, count in enumerate(rows)]


@pytest.mark.parametrize(
    ("measures", "seconds"),
    [
        ([], None),
        (measured(500), None),
        (measured(0, 500), None),  # five seconds tell nothing yet
        (measured(0, 0, 0, 0), None),
        (measured(0, 50, 100), 90.0),  # 10 a second, 900 left
        (measured(100, 100, 100, 200, 300), 700 / 20),  # Kafka went ten seconds ago
        (measured(900, 500, 300, 400, 500), 500 / 20),  # it was draining, and stopped
        (measured(900, 500, 300, 200, 100), None),  # it drains
        (measured(0, 1_000), 0.0),  # full
        (measured(*range(0, 1_000, 40)), 40 / 8.0),
        (measured(0, *[500] * 20), None),  # grew more than a minute ago
        (measured(0, 5, 10, size=20_000), 800_000 / 20_000),  # bytes are first
        (measured(0, 50, size=20_000), 0.0),
    ],
)
def test_rows_or_bytes_whichever_are_first(measures: list[Measure], seconds: float | None) -> None:
    found = seconds_until_full(measures, BUDGET)
    assert found == seconds if seconds is None else found is not None and math.isclose(found, seconds)


def test_two_measures_are_enough_for_who_waits_in_between() -> None:
    assert seconds_until_full(measured(0, 500, every=2.0), BUDGET, settled=0.0) == 2.0
