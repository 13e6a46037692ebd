"""Dates and times keep their precision and offset; the odd hours are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contract.errors import Code, Severity
from mappings.language.functions import times
from mappings.language.runtime.state import State
from tests.mappings.language.folders import CONTEXT


@pytest.fixture
def state() -> State:
    return State(CONTEXT, "A01")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1960", "1960"),
        ("196002", "1960-02"),
        ("19600203", "1960-02-03"),
        ("1930-01", "1930-01"),
        ("2026010203", "2026-01-02T03:00:00+00:00"),
        ("202607020304", "2026-07-02T03:04:00+01:00"),
        ("20260702030405.1234-0500", "2026-07-02T03:04:05.1234-05:00"),
        ("20260702030405+00", "2026-07-02T03:04:05+00:00"),
        ("2026-07-02T03:04:05Z", "2026-07-02T03:04:05Z"),
        ("02/07/2026 03:04", "2026-07-02T03:04:00+01:00"),
        ("19500000", "1950"),
        ("19501000", "1950-10"),
        ("195003000000", "1950-03"),
        ("20260702^D", "2026-07-02"),
    ],
)
def test_a_datetime_keeps_its_precision_and_offset(state: State, text: str, expected: str) -> None:
    assert times.date_time(state, "PV1-44", text) == expected
    assert state.issues == []


@pytest.mark.parametrize(
    "text", ["20260230", "19701301", "2026-1-1", "202601022500", "yesterday", "19501300", "19500001"]
)
def test_a_date_that_does_not_exist_is_an_error_that_does_not_quote_it(state: State, text: str) -> None:
    assert times.date(state, "PID-7", text) is None
    (issue,) = state.issues
    assert (issue.code, issue.path) == (Code.INVALID_DATE, "PID-7")
    assert text not in issue.text


@pytest.mark.parametrize("offset", ["+4100", "-2400", "+1401", "+1360", "-99"])
def test_an_offset_that_is_nowhere_makes_a_time_unreadable(state: State, offset: str) -> None:
    assert times.date_time(state, "MSH-7", f"20260702030405{offset}") is None
    assert times.moment(state, "MSH-7", f"20260702030405{offset}") is None
    assert {(issue.code, issue.path) for issue in state.issues} == {(Code.INVALID_DATE, "MSH-7")}


@pytest.mark.parametrize("offset", ["+1400", "-1200", "+13:59"])
def test_the_widest_offsets_are_read(state: State, offset: str) -> None:
    written = f"{offset[:3]}:{offset[-2:]}"
    assert times.date_time(state, "MSH-7", f"20260702030405{offset}") == f"2026-07-02T03:04:05{written}"


@pytest.mark.parametrize("text", ["99991231235959-0100", "00010101000000+0100"])
def test_a_moment_beyond_the_calendar_of_utc_is_told(state: State, text: str) -> None:
    assert times.date_time(state, "PV1-44", text) is not None
    assert times.moment(state, "PV1-44", text) is None
    assert [(issue.code, issue.path) for issue in state.issues] == [(Code.INVALID_DATE, "PV1-44")]


@pytest.mark.parametrize("text", ["00000000", "0000-00-00", "00/00/0000", "000000000000"])
def test_a_date_of_zeros_is_none_and_told(state: State, text: str) -> None:
    assert times.strict_date(state, "PID-7", text) is None
    assert [(issue.code, issue.severity) for issue in state.issues] == [(Code.INVALID_DATE, Severity.WARNING)]


def test_a_strict_date_is_an_error_where_others_are_left_out() -> None:
    lenient = State(CONTEXT, "A01", lenient=True)
    assert (times.date(lenient, "NK1-16", "19651399"), times.strict_date(lenient, "PID-7", "19651399")) == (None, None)
    assert [(issue.path, issue.severity) for issue in lenient.issues] == [
        ("NK1-16", Severity.WARNING),
        ("PID-7", Severity.ERROR),
    ]


def test_the_hour_that_happens_twice_is_taken_as_the_first_and_told(state: State) -> None:
    assert times.date_time(state, "PV1-44", "20261025013000") == "2026-10-25T01:30:00+01:00"
    assert [(i.code, i.severity) for i in state.issues] == [(Code.AMBIGUOUS_TIME, Severity.WARNING)]


def test_the_hour_that_never_happens_is_taken_by_the_clock_before_and_told(state: State) -> None:
    assert times.date_time(state, "PV1-44", "20260329013000") == "2026-03-29T01:30:00+00:00"
    assert [i.code for i in state.issues] == [Code.AMBIGUOUS_TIME]


def test_a_stated_offset_leaves_nothing_ambiguous(state: State) -> None:
    assert times.date_time(state, "PV1-44", "20261025013000+0000") == "2026-10-25T01:30:00+00:00"
    assert state.issues == []


def test_a_date_and_a_time_of_two_columns_become_one(state: State) -> None:
    assert times.date_and_time(state, "Start", "2026-07-02", "03:04") == "2026-07-02T03:04:00+01:00"
    assert times.date_and_time(state, "Start", "2026-07-02") == "2026-07-02"


def test_the_moment_of_an_event_is_utc(state: State) -> None:
    assert times.moment(state, "EVN-6", "202607020304") == datetime(2026, 7, 2, 2, 4, tzinfo=UTC)
    assert times.moment(state, "EVN-6", "20260702") == datetime(2026, 7, 1, 23, 0, tzinfo=UTC)


def test_an_instant_needs_a_time_of_day(state: State) -> None:
    assert times.instant(state, "OBR-22", "20260702") is None
    assert [i.code for i in state.issues] == [Code.INVALID_DATE]


@pytest.mark.parametrize(
    ("number", "expected"), [("1", "08:00:00"), ("2", "14:30:00"), ("3", "00:00:00"), ("4", None), ("5", None)]
)
def test_one_of_the_times_that_a_text_lists(state: State, number: str, expected: str | None) -> None:
    assert times.listed_time(state, "ORC-7.2.2", "0800, 1430,2400,bedtime", number) == expected
    assert state.issues == []
