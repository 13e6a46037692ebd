"""The envelope survives Kafka headers, and says what is missing when it does not."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from contract.event import Envelope, is_event_type, rfc3339

ENVELOPE = Envelope(
    id="6e1d",
    source="urn:carehub:source:dch-pas",
    type="patient-admitted-1",
    subject="p1-abc",
    time=datetime(2026, 7, 1, 9, 30, tzinfo=timezone(timedelta(hours=1))),
    received=datetime(2026, 7, 1, 8, 31, 2, 345000, tzinfo=UTC),
    place="qvv",
    sector="acute",
    organisation="RBD",
    sequence=42,
    late=True,
    traceparent="00-a-b-01",
)


def test_headers_are_those_of_the_cloudevents_binding() -> None:
    headers = dict(ENVELOPE.headers())
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_time"] == b"2026-07-01T08:30:00.000Z"
    assert headers["ce_received"] == b"2026-07-01T08:31:02.345Z"
    assert headers["ce_sequence"] == b"0000000000000000042"
    assert headers["ce_late"] == b"true"
    assert "ce_replay" not in headers


def test_an_envelope_reads_back_what_it_wrote() -> None:
    assert Envelope.from_headers(ENVELOPE.headers()) == ENVELOPE


def test_sequences_sort_as_text_as_they_do_as_numbers() -> None:
    def text(sequence: int) -> bytes:
        from dataclasses import replace

        return dict(replace(ENVELOPE, sequence=sequence).headers())["ce_sequence"]

    assert text(9) < text(10) < text(2**62)


def test_a_missing_header_is_named() -> None:
    headers = [(name, value) for name, value in ENVELOPE.headers() if name != "ce_type"]
    with pytest.raises(ValueError, match="no header ce_type"):
        Envelope.from_headers(headers)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 7, 1))  # noqa: DTZ001 the case under test


@pytest.mark.parametrize("name", ["patient-admitted-1", "care-package-started-12"])
def test_event_types_are_noun_past_verb_major(name: str) -> None:
    assert is_event_type(name)


@pytest.mark.parametrize("name", ["patient-admitted", "Patient-Admitted-1", "admitted-", "patient-admitted-0", "1-1"])
def test_other_names_are_no_event_types(name: str) -> None:
    assert not is_event_type(name)
