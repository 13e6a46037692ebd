from types import SimpleNamespace
from typing import Any

import pytest

from consumers.event import read_event
from consumers.faults import PermanentFault
from tests.consumers.events import bundle, envelope, event


def record(headers: list[tuple[str, bytes | None]], value: bytes | None) -> Any:
    return SimpleNamespace(topic="care.qvv.acute.v1", partition=1, offset=7, headers=headers, value=value)


def test_a_record_is_read_with_its_place_and_its_bundle() -> None:
    sent = envelope()
    got = read_event(record(list(sent.headers()), bundle()))
    assert (got.envelope, got.topic, got.partition, got.offset) == (sent, "care.qvv.acute.v1", 1, 7)
    assert got.bundle["type"] == "message"


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([], b"{}"),
        ([("ce_id", None)], b"{}"),
        ([*envelope().headers()[:-1]], b"{}"),
        ([*envelope().headers(), ("ce_sequence", b"many")], b"{}"),
        ([*envelope().headers(), ("ce_id", b"\xff")], b"{}"),
        (list(envelope().headers()), None),
    ],
)
def test_what_is_no_event_can_never_be_applied(headers: list[tuple[str, bytes | None]], value: bytes | None) -> None:
    with pytest.raises(PermanentFault, match="not-an-event"):
        read_event(record(headers, value))


@pytest.mark.parametrize("value", [b"{", b"[]", b"\xff"])
def test_an_unreadable_bundle_can_never_be_applied(value: bytes) -> None:
    with pytest.raises(PermanentFault, match="unreadable-bundle"):
        _ = event(value=value).bundle


def test_a_fault_names_a_code_and_nothing_of_the_event() -> None:
    assert PermanentFault("unknown-ward").code == "unknown-ward"
    with pytest.raises(ValueError):
        PermanentFault("no ward SMITH, John")
