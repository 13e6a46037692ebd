"""What FHIR's invariants ask of data types is seen to when an object of one is made, wherever it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contract.errors import Severity
from mappings.language.runtime.settling import SETTLED
from mappings.language.runtime.state import State
from tests.mappings.language.folders import CONTEXT, adt, first, hl7_pack


def settle(kind: str, built: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, Severity]]]:
    state = State(CONTEXT, "A01")
    SETTLED[kind](state, "PV1-45", built)
    return built, [(issue.path, issue.severity) for issue in state.issues]


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        ("2026-07-01T09:00:00+01:00", "2026-07-01T08:30:00Z", True),
        ("2026-07-01T09:00:00+01:00", "2026-07-01T07:30:00Z", False),
        ("2026-07-01T09:00:00Z", "2026-07-01", True),
        ("2026-07-02", "2026-07-01T23:59:00Z", False),
        ("2026-07-01", "2026", True),
        ("2026-07", "2026-06-30", False),
    ],
)
def test_a_period_does_not_end_before_it_begins(start: str, end: str, kept: bool) -> None:
    built, issues = settle("Period", {"start": start, "end": end})
    assert built == ({"start": start, "end": end} if kept else {"start": start})
    assert issues == ([] if kept else [("PV1-45", Severity.WARNING)])


def test_a_range_has_no_end_without_a_value_and_none_below_its_beginning() -> None:
    low, high, unit = {"value": 500}, {"value": 125}, {"unit": "MG"}
    assert settle("Range", {"low": low, "high": high}) == ({"low": low}, [("PV1-45", Severity.WARNING)])
    assert settle("Range", {"low": low, "high": unit}) == ({"low": low}, [])
    assert settle("Range", {"low": unit, "high": low}) == ({"high": low}, [])
    assert settle("Range", {"low": unit, "high": unit}) == ({"low": unit, "high": unit}, [])
    assert settle("Range", {"low": high, "high": low}) == ({"low": high, "high": low}, [])


def test_an_attachment_with_data_has_a_type() -> None:
    assert settle("Attachment", {"data": "AA=="})[0]["contentType"] == "application/octet-stream"
    assert settle("Attachment", {"data": "AA==", "contentType": "text/plain"})[0]["contentType"] == "text/plain"
    assert settle("Attachment", {"title": "a letter"}) == ({"title": "a letter"}, [])


def test_it_holds_in_every_template(tmp_path: Path) -> None:
    pack = hl7_pack(
        tmp_path, "name:\n  - family: PID-5[1].1\n    period:\n      start: PID-7 | date\n      end: PID-29 | date\n"
    )
    mapped = pack.map(adt("PID|1||7||SMITH||20260702||||||||||||||||||||||20260701"), CONTEXT)
    assert first(mapped.events[0].bundle, "Patient")["name"] == [{"family": "SMITH", "period": {"start": "2026-07-02"}}]
    assert [issue.code for issue in mapped.issues] == ["invalid-value"]
