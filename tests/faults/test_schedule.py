"""The schedule: the same seed draws the same faults, and every kind comes often enough."""

from collections import Counter

from tests.faults.schedule import QUIET_AFTER, Kind, draw


def test_the_same_seed_draws_the_same_faults_and_another_seed_others() -> None:
    assert draw(7, 600) == draw(7, 600)
    assert draw(7, 600) != draw(8, 600)


def test_every_kind_comes_once_in_ninety_seconds() -> None:
    for seed in range(20):
        assert {fault.kind for fault in draw(seed, 90)} == set(Kind)


def test_ten_minutes_hold_a_hundred_faults_and_five_of_each_kind() -> None:
    for seed in range(20):
        faults = draw(seed, 600)
        assert len(faults) >= 100
        assert min(Counter(fault.kind for fault in faults).values()) >= 5
        assert set(Kind) == {fault.kind for fault in faults}


def test_faults_come_in_time_and_leave_the_end_of_a_run_in_peace() -> None:
    times = [fault.at for fault in draw(3, 90)]
    assert times == sorted(times)
    assert times[-1] <= 90 - QUIET_AFTER


def test_every_instance_and_server_is_hit_within_ten_minutes() -> None:
    targets = {fault.target for fault in draw(3, 600)}
    assert {f"{role} {number}" for role in ("gateway", "relay", "consumer") for number in (0, 1)} <= targets
    assert {"broker", "database"} <= targets
