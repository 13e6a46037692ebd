from __future__ import annotations

import time

import pytest

from contract.errors import Code, Severity, Undecodable
from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.formats.hl7v2.delimiters import component
from mappings.formats.hl7v2.escapes import unescape
from mappings.formats.hl7v2.message import Message

ADMISSION = (
    "MSH|^~\\&|PAS|RCB|ROUTE|ROUTE|201010101418||ADT^A01^ADT_A01|1391320453338055|P|2.4\r"
    "EVN||201010101400||||201010101400\r"
    'PID|1||3333333333^^^NHS~77^^^RCB^PI||SMITH^FREDRICA^J^^MRS||19651213|2|""\r'
    "PV1|1|I|RCB^OBS1^BAY2-6^RCB55\r"
)


def read(text: str | bytes) -> Message:
    message = decode_hl7v2(text.encode() if isinstance(text, str) else text).tree
    assert isinstance(message, Message)
    return message


def names(message: Message) -> list[str]:
    return [segment.name for segment in message.segments]


def test_a_message_is_known_by_type_trigger_and_control_id() -> None:
    decoded = decode_hl7v2(ADMISSION.encode())
    assert (decoded.kind, decoded.message_id, decoded.issues) == ("ADT^A01", "ADT^A01^1391320453338055", ())


def test_fields_are_numbered_as_the_standard_numbers_them() -> None:
    message = read(ADMISSION)
    header, pid = message.segments[0], message.first("PID")
    assert [header.field(n) for n in (1, 2, 3, 9, 12, 99)] == ["|", "^~\\&", "PAS", "ADT^A01^ADT_A01", "2.4", ""]
    assert header.repetitions(2) == ["^~\\&"]
    assert pid is not None
    assert pid.index == 2
    assert pid.repetitions(3) == ["3333333333^^^NHS", "77^^^RCB^PI"]
    assert (pid.repetitions(4), pid.field(9), len(pid)) == ([], '""', 9)


def test_segments_are_found_by_name_in_order() -> None:
    message = read(ADMISSION + "OBX|1|ST|a\rNTE|1\rOBX|2|ST|b\r")
    assert [segment.field(3) for segment in message.all("OBX")] == ["a", "b"]
    assert message.first("ZU1") is None
    assert message.all("ZU1") == []


@pytest.mark.parametrize(
    ("header", "event", "kind", "message_id"),
    [
        ("ADT^A01", "", "ADT^A01", "ADT^A01^7"),
        ("ADT", "A03", "ADT^A03", "ADT^A03^7"),
        ("ADT^^ADT_A01", "A08", "ADT^A08", "ADT^A08^7"),
        ("ACK", "", "ACK", "ACK^7"),
    ],
)
def test_the_trigger_comes_from_msh_9_or_else_from_evn_1(header: str, event: str, kind: str, message_id: str) -> None:
    decoded = decode_hl7v2(f"MSH|^~\\&|A|B|C|D|2020||{header}|7|P|2.4\rEVN|{event}|2020\r".encode())
    assert (decoded.kind, decoded.message_id) == (kind, message_id)


def test_a_message_without_control_id_has_no_message_id() -> None:
    assert decode_hl7v2(b"MSH|^~\\&|A|B|C|D|2020||ADT^A01\r").message_id is None


def test_a_resend_with_a_new_time_stamp_and_other_line_ends_is_comparable() -> None:
    again = ADMISSION.replace("|201010101418|", "|201010101533|").replace("\r", "\r\n")
    assert decode_hl7v2(again.encode()).comparable == decode_hl7v2(ADMISSION.encode()).comparable
    other = ADMISSION.replace("FREDRICA", "FREDERICA")
    assert decode_hl7v2(other.encode()).comparable != decode_hl7v2(ADMISSION.encode()).comparable


@pytest.mark.parametrize(
    "body",
    [
        ADMISSION.replace("\r", "\n"),
        ADMISSION.replace("\r", "\r\n"),
        ADMISSION.replace("\r", "\r\r"),
        ADMISSION.replace("\r", "\n\r\n"),
        ADMISSION.rstrip("\r"),
        "\ufeff" + ADMISSION,
        "\x0b" + ADMISSION + "\x1c\r",
        "\x0b\ufeff" + ADMISSION.rstrip("\r") + "\x1c\r\n",
        "\r\n " + ADMISSION + "\x00",
        ADMISSION.replace("PID|", "  PID|"),
    ],
    ids=["lf", "crlf", "doubled", "mixed", "no-last", "bom", "mllp", "mllp-bom", "blank", "indented"],
)
def test_separators_and_framing_of_real_traffic_are_tolerated(body: str) -> None:
    decoded = decode_hl7v2(body.encode())
    assert names(decoded.tree) == ["MSH", "EVN", "PID", "PV1"]
    assert decoded.tree.first("PV1").field(3) == "RCB^OBS1^BAY2-6^RCB55"
    assert decoded.issues == ()
    assert decoded.comparable == decode_hl7v2(ADMISSION.encode()).comparable


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_line_breaks_inside_a_field_stay_inside_it_and_are_reported(line_end: str) -> None:
    decoded = decode_hl7v2(
        f"{ADMISSION}OBX|1|TX|note||First line.\nSecond | line\n\nNew paragraph||||||F\rNTE|1||OK\n".replace(
            "\n", line_end
        ).encode()
    )
    result = decoded.tree.first("OBX")
    assert result.field(5) == "First line.\nSecond "
    assert result.field(6) == " line\n\nNew paragraph"
    assert result.field(12) == "F"
    assert decoded.tree.first("NTE").field(3) == "OK"
    assert [(issue.path, issue.severity) for issue in decoded.issues] == [("OBX-5", Severity.WARNING)]


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (b"", Code.EMPTY, ""),
        (b" \r\n", Code.EMPTY, ""),
        (b"\x0b\x1c\r", Code.EMPTY, ""),
        (b"PID|1||33\rPV1|1\r", Code.MALFORMED_HL7V2, "MSH"),
        (b"hello", Code.MALFORMED_HL7V2, "MSH"),
        (b"FHS|^~\\&|A\rMSH|^~\\&|A|B|C|D|2020||ADT^A01|1\r", Code.MALFORMED_HL7V2, "MSH"),
        (b"MSH", Code.MALFORMED_HL7V2, "MSH-1"),
        (b"MSH|^~\\&", Code.MALFORMED_HL7V2, "MSH"),
        (b"MSHA^~\\&A\r", Code.MALFORMED_HL7V2, "MSH-1"),
        (b"MSH|^|A|B|C|D|2020||ADT^A01|1|P\r", Code.MALFORMED_HL7V2, "MSH-2"),
        (b"MSH|^~\\&#!|A|B|C|D|2020||ADT^A01|1|P\r", Code.MALFORMED_HL7V2, "MSH-2"),
        (b"MSH|^^\\&|A|B|C|D|2020||ADT^A01|1|P\r", Code.MALFORMED_HL7V2, "MSH-2"),
        (b"MSH|^~\\A|A|B|C|D|2020||ADT^A01|1|P\r", Code.MALFORMED_HL7V2, "MSH-2"),
        (b"MSH|^~\\&|A|B|C\rPID|1\r", Code.MALFORMED_HL7V2, "MSH-9"),
        (b"MSH|^~\\&|A|B|C|D|2020|||1|P|2.4\r", Code.MALFORMED_HL7V2, "MSH-9"),
        (b'MSH|^~\\&|A|B|C|D|2020||""|1|P|2.4\r', Code.MALFORMED_HL7V2, "MSH-9"),
        (b"MSH|^~\\&|A|B|C|D|2020||ADT^A01|1|P|2.4\rsecond line\rPID|1\r", Code.MALFORMED_HL7V2, "line 2"),
        (b"MSH|^~\\&|A|B|C|D|2020||ADT^A01|1|P|2.4\rEVN||2020\rPI", Code.MALFORMED_HL7V2, "line 3"),
        (b"MSH|^~\\&|A|B|C|D|2020||ADT^A01|1|P|2.4\rEVN||2020\rPID", Code.MALFORMED_HL7V2, "line 3"),
        (b"MSH|^~\\&|A|B|C|D|2020||ADT^A01|1|P|2.4\rPID|1||33\x00\r", Code.MALFORMED_HL7V2, "PID-3"),
        (b"MSH|^~\\&|A\x1b|B|C|D|2020||ADT^A01|1|P|2.4\r", Code.MALFORMED_HL7V2, "MSH-3"),
        (b"MSH|^~\\&|A|B|C|D|2020||ADT^A01|1\rPID|1\rMSH|^~\\&|A|B|C|D|2020||ADT^A01|2\r", Code.MALFORMED_HL7V2, "MSH"),
        (b"\xff\xfeM\x00S\x00H", Code.BAD_ENCODING, ""),
    ],
)
def test_what_is_no_message_is_refused_with_the_place(body: bytes, code: Code, path: str) -> None:
    with pytest.raises(Undecodable) as refused:
        decode_hl7v2(body)
    assert (refused.value.code, refused.value.issues[0].path) == (code, path)


@pytest.mark.parametrize(
    ("declared", "read"),
    [
        ("^~\\&", ("SMITH", "ANN|", "1")),
        ("^~&", ("SMITH", "ANN\\F\\", "1")),
        ("^~\\", ("SMITH&1", "ANN|", "")),
        ("^~", ("SMITH&1", "ANN\\F\\", "")),
    ],
)
def test_a_character_that_is_not_declared_divides_nothing(declared: str, read: tuple[str, str, str]) -> None:
    message = decode_hl7v2(f"MSH|{declared}|A|B|C|D|2020||ADT^A01|1|P\rPID|||7||SMITH&1^ANN\\F\\\r".encode()).tree
    family, given = (component(message.first("PID").field(5), n, message.delimiters) for n in (1, 2))
    parts = [*family.split(message.delimiters.subcomponent), ""]
    assert (parts[0], unescape(given, message.delimiters), parts[1]) == read


def test_refusals_and_issues_quote_no_value() -> None:
    for body in (b"SECRETNAME", b"MSH|^~\\&|A|B|C|D|2020||SECRET NAME|1", b"MSH|^~\\&SECRETNAME|A|B"):
        with pytest.raises(Undecodable) as refused:
            decode_hl7v2(body)
        assert "SECRET" not in str(refused.value)


def test_a_code_that_is_none_never_becomes_part_of_the_kind() -> None:
    assert decode_hl7v2(b"MSH|^~\\&|A|B|C|D|2020||ADT^SMITH JOHN|1|P\r").kind == "ADT"


@pytest.mark.parametrize("filler", [b"x", b"|", b"~", b"^", b"&", b"\r", b"\n", b"\\"])
def test_ten_megabytes_of_anything_are_answered_in_bounded_time(filler: bytes) -> None:
    body = ADMISSION.encode() + b"OBX|1|TX|a||" + filler * 10_000_000
    started = time.perf_counter()
    try:
        decoded = decode_hl7v2(body)
        for n in range(1, 6):
            decoded.tree.segments[-1].repetitions(n)
    except Undecodable as refused:
        assert refused.issues[0].path in ("OBX", "")  # noqa: PT017
    assert time.perf_counter() - started < 5


def test_a_message_of_too_many_lines_is_refused() -> None:
    with pytest.raises(Undecodable) as refused:
        decode_hl7v2(ADMISSION.encode() + b"OBX|1\r" * 100_001)
    assert "100000 lines" in refused.value.issues[0].text


def test_an_embedded_document_of_ten_megabytes_is_read() -> None:
    document = "JVBERi0x" * 1_250_000
    decoded = decode_hl7v2(f"{ADMISSION}OBX|1|ED|pdf||^AP^PDF^Base64^{document}||||||F\r".encode())
    assert decoded.tree.first("OBX").field(5).endswith(document)
