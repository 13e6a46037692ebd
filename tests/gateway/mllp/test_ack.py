"""Acknowledgements, as HL7 v2 chapter 2 writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import hl7
import pytest

from contract.errors import Code, Conflict, Issue, Refusal, Unavailable, Undecodable, Unprocessable
from gateway.mllp.ack import acknowledgement
from gateway.mllp.answer import Answer, Verdict, answer_of, codes
from gateway.mllp.header import read_header
from gateway.source import Ack

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATE = Issue(Code.INVALID_DATE, "PID-7", "is not a date; write YYYYMMDD")


def message(version: str, tail: str = "") -> bytes:
    return f"MSH|^~\\&|PAS|RXH|HUB|QVV|20260101||ADT^A01^ADT_A01|C1|P|{version}{tail}\rPID|1\r".encode()


def ack_of(sent: bytes, code: str, *issues: Issue) -> hl7.Message:
    return hl7.parse(acknowledgement(read_header(sent), code, issues, "OWN1", NOW).decode())


def test_sender_and_receiver_change_places_and_the_control_id_comes_back() -> None:
    ack = ack_of(message("2.4"), "AA")
    msh = ack.segment("MSH")
    assert [str(msh[n]) for n in (3, 4, 5, 6)] == ["HUB", "QVV", "PAS", "RXH"]
    assert str(msh[9]) == "ACK^A01^ACK"
    assert (str(msh[10]), str(msh[11]), str(msh[12])) == ("OWN1", "P", "2.4")
    assert (str(ack["MSA"][0][1]), str(ack["MSA"][0][2])) == ("AA", "C1")
    assert "ERR" not in str(ack)


@pytest.mark.parametrize(("version", "kind"), [("2.2", "ACK"), ("2.3", "ACK^A01"), ("2.3.1", "ACK^A01^ACK")])
def test_message_type_follows_the_version(version: str, kind: str) -> None:
    assert str(ack_of(message(version), "AA").segment("MSH")[9]) == kind


def test_err_from_2_5_names_location_code_severity_and_text() -> None:
    err = ack_of(message("2.5"), "AE", Issue(Code.MISSING_FIELD, "PID-3[2].1", "is missing")).segment("ERR")
    assert str(err[2]) == "PID^1^3^2^1"
    assert str(err[3]) == "101^Required field missing^HL70357"
    assert str(err[4]) == "E"
    assert str(err[5]) == "missing-field^^L"
    assert str(err[8]) == "PID-3[2].1: is missing"


def test_err_before_2_5_puts_all_into_err_1() -> None:
    err = ack_of(message("2.3"), "AE", DATE).segment("ERR")
    assert str(err[1]) == "PID^1^7^102&Data type error&HL70357"


def test_only_what_may_be_sent_again_is_marked_retryable() -> None:
    away = Issue(Code.UNAVAILABLE, "", "the database is away", retryable=True)
    assert "retryable" in str(ack_of(message("2.5"), "AE", away).segment("ERR")[7])
    assert str(ack_of(message("2.5"), "AE", DATE).segment("ERR")[7]) == ""


def test_the_senders_own_delimiters_are_used_and_escaped_in_our_text() -> None:
    sent = b"MSH*:~!+*PAS*RXH*HUB*QVV*20260101**ADT:A01:ADT_A01*C1*P*2.5\r"
    text = acknowledgement(read_header(sent), "AE", (Issue(Code.INVALID_VALUE, "PV1-2", "a*b: c"),), "OWN1", NOW)
    assert text.startswith(b"MSH*:~!+*HUB*QVV*PAS*RXH*")
    assert b"ERR**PV1:1:2:1*102:Data type error:HL70357*E*" in text
    assert b"PV1-2!S! a!F!b!S! c" in text


def test_where_no_escape_character_is_declared_our_text_goes_without_delimiters() -> None:
    sent = b"MSH|^~&|PAS|RXH|HUB|QVV|20260101||ADT^A01|C1|P|2.5\r"
    text = acknowledgement(read_header(sent), "AE", (Issue(Code.INVALID_VALUE, "PV1-2", "a|b & c"),), "OWN1", NOW)
    assert text.startswith(b"MSH|^~&|HUB|QVV|PAS|RXH|")
    assert b"ab  c" in text


def test_bytes_of_any_character_set_come_back_as_they_were() -> None:
    sent = message("2.4").replace(b"RXH", "Köln".encode("latin-1"))
    assert "Köln".encode("latin-1") in acknowledgement(read_header(sent), "AA", (), "OWN1", NOW)


@pytest.mark.parametrize("junk", [b"", b"MSH", b"hello", b"MSHaaaaaaaaaa", b"MSH|", b"\x00" * 50, b"MSH|^~\\&|" * 5000])
def test_what_is_no_message_still_gets_a_readable_answer(junk: bytes) -> None:
    text = acknowledgement(read_header(junk), "AR", (Issue(Code.MALFORMED_HL7V2, "", "no MSH"),), "OWN1", NOW)
    assert text.startswith(b"MSH|^~\\&|")
    assert b"\rMSA|AR|" in text


@pytest.mark.parametrize(
    ("refusal", "when_mapped", "when_kept"),
    [
        (Undecodable(DATE), Verdict.REJECTED, Verdict.ACCEPTED),
        (Unprocessable(DATE), Verdict.ERROR, Verdict.ACCEPTED),
        (Conflict(DATE), Verdict.ERROR, Verdict.ACCEPTED),
        (Unavailable(DATE), Verdict.ERROR, Verdict.ERROR),
    ],
)
def test_when_kept_accepts_what_is_kept_and_nothing_else(
    refusal: Refusal, when_mapped: Verdict, when_kept: Verdict
) -> None:
    assert answer_of(refusal, Ack.WHEN_MAPPED).verdict is when_mapped
    assert answer_of(refusal, Ack.WHEN_KEPT).verdict is when_kept


@pytest.mark.parametrize(
    ("accept", "application", "on_success", "on_error"),
    [
        ("", "", ("AA",), ("AE",)),
        ("AL", "NE", ("CA",), ("CE",)),
        ("NE", "AL", ("AA",), ("AE",)),
        ("AL", "AL", ("CA", "AA"), ("CE",)),
        ("ER", "AL", ("AA",), ("CE",)),
        ("AL", "ER", ("CA",), ("CE",)),
        ("SU", "NE", ("CA",), ()),
        ("ER", "NE", (), ("CE",)),
        ("NE", "NE", (), ()),
        ("NE", "", (), ()),
        ("al?", "", ("CA",), ("CE",)),
    ],
)
def test_enhanced_mode_sends_what_msh_15_and_16_ask_for(
    accept: str, application: str, on_success: tuple[str, ...], on_error: tuple[str, ...]
) -> None:
    header = read_header(message("2.5", f"|||{accept}|{application}"))
    assert codes(Answer(Verdict.ACCEPTED), header.accept_ack, header.application_ack) == on_success
    assert codes(Answer(Verdict.ERROR, (DATE,)), header.accept_ack, header.application_ack) == on_error
