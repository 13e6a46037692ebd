"""The judge by itself: each thing that must not happen is reported as what it is."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from contract.event import Envelope
from tests.faults.check import Applied, Verdict, Wrong, judge
from tests.faults.ledger import Ledger
from tests.faults.persons import HTTP, Message
from tests.faults.records import Record, Writer

NOW = datetime(2026, 7, 1, tzinfo=UTC)
TOPIC = "care.faults-http.acute.v1"
SENT = [Message(HTTP.id, 0, number) for number in (1, 2, 3)]


def record(number: int, offset: int, *, id_: str = "", sequence: int = 0) -> Record:
    envelope = Envelope(
        id=id_ or f"e{number}",
        source="urn:carehub:source:faults-http",
        type="patient-updated-1",
        subject="k",
        time=NOW,
        received=NOW,
        place="faults-http",
        sector="acute",
        organisation="RBD",
        sequence=sequence or number,
    )
    return Record(TOPIC, 0, offset, "k", envelope, SENT[number - 1], Writer(1, 0))


GOOD = [record(1, 0), record(2, 1), record(3, 2)]


def verdict_on(records: list[Record], **kwargs: object) -> Verdict:
    """As if the apps had applied each event once, in the order of the topic, unless told otherwise."""
    once = list(dict.fromkeys((each.topic, each.envelope.id) for each in records))
    ledger = Ledger(acknowledged=set(SENT))
    applied = Applied(tally=once, timeline=[each for each in once if "restricted" not in each[0]])
    given = {"applied": applied, "ledger": ledger, "kept": [], **kwargs}
    return judge(records, **given)  # type: ignore[arg-type]


def found(verdict: Verdict) -> dict[Wrong, int]:
    return {wrong: len(texts) for wrong, texts in verdict.found.items() if texts}


def test_a_repeat_by_the_next_owner_is_no_fault() -> None:
    repeats = [replace(record(2, 2), writer=Writer(1, 1)), replace(record(3, 3), writer=Writer(1, 1))]
    verdict = verdict_on([*GOOD[:2], *repeats])
    assert verdict.clean, verdict.reasons()
    assert verdict.repeats == 1


def test_a_lost_event_is_missing() -> None:
    assert found(verdict_on([GOOD[0], GOOD[2]])) == {Wrong.MISSING: 1}


def test_a_swapped_pair_and_a_falling_sequence_are_inversions() -> None:
    assert found(verdict_on([record(1, 0), record(3, 1), record(2, 2)]))[Wrong.INVERSION]
    assert found(verdict_on([record(1, 0, sequence=9), record(2, 1, sequence=8), record(3, 2, sequence=10)])) == {
        Wrong.INVERSION: 2  # as published, and as applied
    }


def test_a_removed_key_and_a_person_in_two_partitions_are_lost_order() -> None:
    verdict = verdict_on([replace(each, key=None) for each in GOOD])
    assert set(found(verdict)) == {Wrong.INVERSION}
    assert verdict.reasons().keys() == {"an event without a person key, which has no order"}
    spread = verdict_on([*GOOD[:2], replace(GOOD[2], partition=5)])
    assert spread.reasons().keys() == {"a person's events in several partitions"}


def test_what_a_former_owner_writes_after_the_next_one_is_found_even_if_it_is_a_repeat() -> None:
    late = [replace(record(2, 1), writer=Writer(2, 0)), record(2, 2), replace(record(3, 3), writer=Writer(2, 0))]
    verdict = verdict_on([GOOD[0], *late])
    assert verdict.reasons() == {"written by a relay that had lost its shards": 1}


def test_a_message_kept_as_two_events_is_found() -> None:
    assert found(verdict_on([*GOOD, record(3, 3, id_="twin", sequence=4)]))[Wrong.TWICE] == 1


def test_an_event_that_no_sender_was_told_of_is_a_surprise() -> None:
    verdict = verdict_on(GOOD, ledger=Ledger(acknowledged=set(SENT[:2])))
    assert verdict.reasons() == {"published, and its sender was not told so": 1}


def test_an_event_in_another_topic_is_in_the_wrong_place_and_missing_in_no_other() -> None:
    astray = [replace(each, topic="care.faults-mllp.acute.v1") for each in GOOD]
    assert found(verdict_on(astray)) == {Wrong.PLACE: 3}


def test_the_apps_are_looked_at_too() -> None:
    ids = [(TOPIC, f"e{number}") for number in (1, 2, 3)]
    assert found(verdict_on(GOOD, applied=Applied([*ids, ids[0]], ids))) == {Wrong.TWICE: 1}
    assert found(verdict_on(GOOD, applied=Applied(ids[:2], ids))) == {Wrong.MISSING: 1}
    assert found(verdict_on(GOOD, applied=Applied(ids, ids[1:]))) == {Wrong.MISSING: 1}
    assert found(verdict_on(GOOD, applied=Applied([ids[0], ids[2], ids[1]], ids))) == {Wrong.INVERSION: 1}
    restricted = ("care.faults-http.acute.restricted.v1", "x")
    assert found(verdict_on(GOOD, applied=Applied(ids, [*ids, restricted]))) == {Wrong.PLACE: 1}


def test_what_was_refused_must_have_been_kept() -> None:
    ledger = Ledger(acknowledged=set(SENT))
    ledger.refuse(b"poison")
    assert found(verdict_on(GOOD, ledger=ledger)) == {Wrong.MISSING: 1}
    kept = verdict_on(GOOD, ledger=ledger, kept=[hashlib.sha256(b"poison").digest()])
    assert kept.clean
    assert kept.line() == (
        "acknowledged 3 · missing 0 · order inversions 0 · applied twice 0 · delivered to the wrong place 0"
        " · refused and kept 1"
    )
