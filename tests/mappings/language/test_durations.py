"""Lengths of time: in minutes, and what time it is when they are over."""

from __future__ import annotations

import pytest

from contract.errors import Code
from mappings.language.functions import durations
from mappings.language.runtime.state import State
from tests.mappings.language.folders import CONTEXT


@pytest.fixture
def state() -> State:
    return State(CONTEXT, "S12")


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [("20", None, 20), ("20", "min", 20), ("120", "s", 2), ("1.5", "h", 90), ("2", "d", 2880), ("1", "wk", 10080)],
)
def test_a_length_is_told_in_minutes(state: State, amount: str, unit: str | None, expected: int) -> None:
    assert durations.minutes(state, "SCH-9", amount, unit) == expected
    assert state.issues == []


@pytest.mark.parametrize(
    ("amount", "unit"), [("45", "s"), ("0", "min"), ("-5", "min"), ("soon", "min"), ("3", "mo"), ("9" * 15, "wk")]
)
def test_what_is_no_whole_number_of_minutes_is_left_out_and_told(state: State, amount: str, unit: str) -> None:
    assert durations.minutes(state, "SCH-9", amount, unit) is None
    assert [(i.code, i.path) for i in state.issues] == [(Code.INVALID_VALUE, "SCH-9")]


@pytest.mark.parametrize(
    ("time", "amount", "unit", "expected"),
    [
        ("202607020950", "20", None, "2026-07-02T10:10:00+01:00"),
        ("20260702235000+0215", "0.5", "h", "2026-07-03T00:20:00+02:15"),
        ("202610250045+0100", "30", None, "2026-10-25T01:15:00+01:00"),
        ("2026-07-02T09:00:00Z", "90", "s", "2026-07-02T09:01:30Z"),
    ],
)
def test_a_time_later_keeps_the_offset_of_the_first(
    state: State, time: str, amount: str, unit: str | None, expected: str
) -> None:
    assert durations.later(state, "AIS-4", time, amount, unit) == expected
    assert state.issues == []


def test_a_day_alone_has_no_time_later(state: State) -> None:
    assert durations.later(state, "AIS-4", "20260702", "20") is None
    assert state.issues == []


@pytest.mark.parametrize("amount", ["long", "9" * 18, "99999999999"])
def test_a_length_that_is_none_or_leaves_the_calendar_is_told(state: State, amount: str) -> None:
    assert durations.later(state, "AIS-4", "202607020950", amount, "min") is None
    assert [i.code for i in state.issues] == [Code.INVALID_VALUE]
