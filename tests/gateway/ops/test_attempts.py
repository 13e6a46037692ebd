"""What stops background work is logged when it begins and when it is over; nothing ends the work."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from contract.errors import Code, Unavailable, refuse
from gateway.ops.attempts import Attempts


def test_an_hour_without_a_database_is_two_lines() -> None:
    attempts = Attempts("ageing")
    with capture_logs() as lines:
        for number in range(1800):
            with attempts.attempt():
                if 10 <= number < 1790:
                    raise refuse(Unavailable, Code.UNAVAILABLE, "away")
            assert attempts.failed is (10 <= number < 1790)
    assert [(line["event"], line["code"]) for line in lines] == [
        ("ageing-waits", "unavailable"),
        ("ageing-goes-on", "unavailable"),
    ]


def test_a_fault_of_ours_is_told_each_time_without_its_text() -> None:
    attempts = Attempts("ageing")
    with capture_logs() as lines:
        for _ in range(2):
            with attempts.attempt():
                raise KeyError("SMITH")
    assert attempts.failed
    assert [line["event"] for line in lines] == ["ageing-failed"] * 2
    assert "SMITH" not in str(lines)


def test_what_is_not_caught_goes_on() -> None:
    with pytest.raises(KeyboardInterrupt), Attempts("ageing").attempt():
        raise KeyboardInterrupt
