"""The judge itself: each thing that must not happen is reported as what it is."""

from dataclasses import replace
from datetime import UTC, datetime

from contract.event import Envelope
from tests.crash.check import Record, judge

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def record(number: int, sequence: int | None = None) -> Record:
    envelope = Envelope(
        id=f"e{number}",
        source="urn:carehub:source:s",
        type="encounter-updated-1",
        subject="k",
        time=NOW,
        received=NOW,
        place="qvv",
        sector="acute",
        organisation="RBD",
        sequence=sequence or number,
    )
    return Record("k", envelope, b"{}")


SENT = {f"e{n}": (0, n) for n in (1, 2, 3)}


def test_a_repeat_is_no_fault() -> None:
    verdict = judge([record(1), record(2), record(1), record(2), record(3)], SENT, {})
    assert verdict.clean
    assert verdict.repeats == 2


def test_a_lost_event_is_missing() -> None:
    assert judge([record(1), record(3)], SENT, {}).missing == ["e2"]


def test_a_swapped_pair_is_an_inversion() -> None:
    assert judge([record(1), record(3), record(2)], SENT, {}).inversions == ["e2"]


def test_a_falling_sequence_is_an_inversion() -> None:
    assert judge([record(1, 9), record(2, 8), record(3, 10)], SENT, {}).inversions == ["e2"]


def test_a_message_stored_twice_shows_as_an_event_nobody_was_told_of_or_as_two_receipts() -> None:
    other = Record("k", replace(record(2).envelope, id="twin"), b"{}")
    assert judge([record(1), record(2), other, record(3)], SENT, {}).unasked == ["twin"]
    assert judge([record(1), record(2), record(3)], SENT, {"C1": {"a", "b"}}).split == ["C1"]
