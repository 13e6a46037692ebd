r"""What real HL7 v2 traffic does to a message, from its bytes to its event.

| quirk | where it is tested |
|---|---|
| `\n`, `\r\n`, mixed and doubled separators, none at the end | test_separators_never_change_the_event |
| byte order mark, blank lines, blanks and MLLP bytes around | test_what_stands_around_never_changes_the_event |
| a control character inside | test_decode.test_what_is_no_message_is_refused_with_the_place |
| segment names in small letters, with blanks around | test_segment_names_are_read_as_they_are_meant |
| a line of text that only looks like a segment | test_small_letters_that_name_no_segment_are_text |
| continuation lines inside OBX-5 and NTE-3 | test_a_line_break_inside_a_text_stays_in_it_and_is_told |
| five encoding characters, other delimiters | test_delimiters_never_change_the_event |
| `\F\ \S\ \T\ \R\ \E\ \.br\ \X0D0A\`, a lone backslash | test_escapes_are_undone_last |
| `\M..\`, `\C..\`, `\Z..\` | test_escapes.test_escape_sequences |
| `""` | test_a_null_deletes_and_an_empty_field_says_nothing |
| whole fields of `^^^`, `~~` | test_bare_delimiters_say_nothing_at_all |
| Z segments, segments of no standard | test_segments_that_nobody_knows_are_counted_and_harm_nothing |
| repetitions | test_every_repetition_comes_through |
| MSH-18 empty, `UNICODE UTF-8`, `8859/1`, `ASCII`, repeated | test_charsets, test_each_character_set_gives_one_name |
| MSH-18 that is wrong | test_a_character_set_that_lies_is_seen_through |
| dates of every precision, offsets, fractions of a second | test_a_time_of_any_shape_is_read |
| the hour that comes twice, the hour that never comes | test_times, test_an_odd_hour_is_told_and_taken |
| a date that does not exist, one of zeros | test_a_date_that_does_not_exist_is_told_by_its_field_and_left_out |
| a date of birth that does not exist | test_a_date_of_birth_that_does_not_exist_is_refused_by_its_field |
| no PID | test_an_event_about_nobody_is_refused |
| ADT without PV1, without PID-3, with an odd trigger | the samples edge-* of the packs hl7v2 and hl7v2-itk |
| MSH-9 in small letters, its structure alone | test_the_kind_is_read_however_it_is_written |
| a header that names neither sender nor receiver | test_a_header_that_names_nobody_stops_nothing |
| batches (FHS, BHS), several messages in a file | test_batch, test_each_message_of_a_batch_gives_its_event |
| a document in base64 | test_a_document_inside_a_message_comes_through_as_it_is |
| A08 for a visit that is over | test_an_update_never_opens_a_visit_that_is_over |
| A40, A45, A47 | test_a_merge_a_move_and_a_change_of_number_are_three_things |
| A40 with several groups | the samples a40-several and a40-two-groups |
| sizes, and ten megabytes of anything | test_decode |
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from contract.errors import Code, Severity, Unprocessable, errors_of
from contract.identifiers import ResourceIds
from mappings.formats.hl7v2.batch import split_messages
from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.language import CompiledPack
from mappings.stages import MapContext, Mapped, Sender
from tests.packs import built_in

FOLDERS: Final = (Path(__file__).parent, Path(__file__).parents[2] / "language")
CONTEXT: Final = MapContext(Sender("pas", "pas", "RBD"), ResourceIds(b"quirks"), datetime(2026, 6, 1, 12, tzinfo=UTC))
ADMISSION: Final = (
    "MSH|^~\\&|PAS|RBD|HUB|HUB|20260601101500||ADT^A01^ADT_A01|1|P|2.4\r"
    "EVN||202606011010|||900001^MARSH^IVY|202606011000\r"
    "PID|1||4471023^^^LOCALID^MR~Z9^^^OTHER^PI||ASHDOWN^MARGARET^ELAINE^^MRS^^L||19480512|F|||"
    "14 HARBOUR VIEW^^DORCHESTER||01632960001~01632960002\r"
    "PV1|1|I|W7^R3^B2^RBD01||||C99^OKAFOR^DANIEL|||300|||||||||V2139^^^VISITID"
    "|||||||||||||||||||||||||202606010955\r"
    "OBX|1|TX|8251-1^General comment^LN||First line||||||F|||202606011005\r"
    "NTE|1||Seen by the ward\r"
)


@cache
def pack() -> CompiledPack:
    return built_in("hl7v2")


def mapped(body: str | bytes, *, account: bool = False) -> Mapped:
    return pack().map(decode_hl7v2(body.encode() if isinstance(body, str) else body), CONTEXT, account=account)


def event(body: str | bytes) -> Any:
    """Type, time and bundle of the only event."""
    (found,) = mapped(body).events
    return found.type, found.happened, found.bundle


def resources(body: str | bytes, kind: str) -> list[Any]:
    return [e["resource"] for e in event(body)[2]["entry"] if e["resource"]["resourceType"] == kind]


def told(found: Mapped) -> list[tuple[Code, str]]:
    return [(issue.code, issue.path) for issue in found.issues]


@pytest.mark.parametrize(
    "body",
    [
        ADMISSION.replace("\r", "\n"),
        ADMISSION.replace("\r", "\r\n"),
        ADMISSION.replace("\r", "\r\r"),
        ADMISSION.replace("\r", "\n\r\n\r"),
        ADMISSION.replace("\rEVN", "\nEVN").replace("\rPV1", "\r\nPV1"),
        ADMISSION.rstrip("\r"),
        ADMISSION + "\r\r\n\n",
    ],
    ids=["lf", "crlf", "doubled", "tripled", "mixed", "none-at-the-end", "many-at-the-end"],
)
def test_separators_never_change_the_event(body: str) -> None:
    assert event(body) == event(ADMISSION)


@pytest.mark.parametrize(
    "body",
    [
        "\ufeff" + ADMISSION,
        ADMISSION.replace("\r", "\r\ufeff"),
        "\r\n\r\n" + ADMISSION,
        "   \t" + ADMISSION,
        "\x0b" + ADMISSION + "\x1c\r",
        "\x0b\ufeff \n" + ADMISSION.rstrip("\r") + "\x1c",
        ADMISSION + "\x00\x00",
    ],
    ids=["mark", "marks-within", "blank-lines", "blanks", "mllp", "mllp-and-mark", "nul-at-the-end"],
)
def test_what_stands_around_never_changes_the_event(body: str) -> None:
    assert event(body) == event(ADMISSION)


@pytest.mark.parametrize(
    "body",
    [
        ADMISSION.replace("PID|", "pid|").replace("PV1|", "pv1|"),
        ADMISSION.replace("PID|", "Pid|"),
        ADMISSION.replace("PID|", "PID |").replace("NTE|", "NTE\t|"),
        ADMISSION.replace("PID|", "  PID|"),
        ADMISSION.replace("MSH|", "msh|"),
        ADMISSION.replace("MSH|", "MSH |"),
        " \r\n msh|" + ADMISSION[4:],
    ],
    ids=["small", "mixed", "blank-behind", "blank-before", "small-header", "blank-behind-header", "all-of-it"],
)
def test_segment_names_are_read_as_they_are_meant(body: str) -> None:
    assert event(body) == event(ADMISSION)
    assert told(mapped(body)) == []


def test_small_letters_that_name_no_segment_are_text() -> None:
    decoded = decode_hl7v2(ADMISSION.replace("Seen by the ward", "Seen by\rmrs| Ash").encode())
    assert decoded.tree.first("NTE").field(3) == "Seen by\nmrs"
    assert [(issue.code, issue.path) for issue in decoded.issues] == [(Code.MALFORMED_HL7V2, "NTE-3")]


@pytest.mark.parametrize(
    ("sent", "field"), [("First line", "OBX-5"), ("Seen by the ward", "NTE-3")], ids=["OBX-5", "NTE-3"]
)
@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n"])
def test_a_line_break_inside_a_text_stays_in_it_and_is_told(sent: str, field: str, line_end: str) -> None:
    body = ADMISSION.replace(sent, f"{sent}\rsecond line").replace("\r", line_end)
    segment, _, number = field.partition("-")
    decoded = decode_hl7v2(body.encode())
    assert decoded.tree.first(segment).field(int(number)) == f"{sent}\nsecond line"
    assert [(i.code, i.path, i.severity) for i in decoded.issues] == [(Code.MALFORMED_HL7V2, field, Severity.WARNING)]


@pytest.mark.parametrize(
    ("table", "encoding"), [({}, "^~\\&#"), (dict(zip("|^~\\&", "#:*!%", strict=True)), ":*!%")], ids=["five", "other"]
)
def test_delimiters_never_change_the_event(table: dict[str, str], encoding: str) -> None:
    written = ADMISSION.translate(str.maketrans(table))
    assert event(written[:4] + encoding + written[8:]) == event(ADMISSION)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("A\\F\\B", "A|B"),
        ("A\\S\\B", "A^B"),
        ("A\\T\\B", "A&B"),
        ("A\\R\\B", "A~B"),
        ("A\\E\\B", "A\\B"),
        ("A\\.br\\B", "A\nB"),
        ("A\\X0D0A\\B", "A\r\nB"),
        ("A\\E\\S\\E\\B", "A\\S\\B"),
        ("C:\\ward", "C:\\ward"),
        ("A\\", "A\\"),
        ("A\\M1B2442\\B", "A\\M1B2442\\B"),
    ],
)
def test_escapes_are_undone_last(sent: str, read: str) -> None:
    assert resources(ADMISSION.replace("First line", sent), "Observation")[0]["valueString"] == read


def test_a_null_deletes_and_an_empty_field_says_nothing() -> None:
    deleting, silent = (ADMISSION.replace("14 HARBOUR VIEW^^DORCHESTER", sent) for sent in ('""', ""))
    assert [resources(body, "Patient")[0].get("address") for body in (deleting, silent)] == [None, None]
    headers = [resources(body, "MessageHeader")[0].get("extension") for body in (deleting, silent)]
    assert headers == [[{"url": "urn:carehub:deleted-element", "valueString": "Patient.address"}], None]


@pytest.mark.parametrize("blank", ["^^^", "~~", "^&^", "^^^~^^^", " "])
def test_bare_delimiters_say_nothing_at_all(blank: str) -> None:
    body = ADMISSION.replace("14 HARBOUR VIEW^^DORCHESTER", blank)
    assert "address" not in resources(body, "Patient")[0]
    assert told(mapped(body)) == []


def test_segments_that_nobody_knows_are_counted_and_harm_nothing() -> None:
    body = ADMISSION + "ZZ9|1|local^x\rQQQ|1|odd\r"
    assert event(body)[:2] == event(ADMISSION)[:2]
    assert {"ZZ9-2.1", "ZZ9-2.2", "QQQ-2"} <= set(mapped(body, account=True).unmapped)


def test_every_repetition_comes_through() -> None:
    patient = resources(ADMISSION, "Patient")[0]
    assert [identifier["value"] for identifier in patient["identifier"]] == ["4471023", "Z9"]
    assert [telecom["value"] for telecom in patient["telecom"]] == ["01632960001", "01632960002"]


def test_a_character_set_that_lies_is_seen_through() -> None:
    body = ADMISSION.replace("|P|2.4", "|P|2.4||||||ASCII").replace("ASHDOWN", "BJÖRK").encode("cp1252")
    assert resources(body, "Patient")[0]["name"][0]["family"] == "BJÖRK"
    assert told(mapped(body)) == [(Code.BAD_ENCODING, "MSH-18")]


@pytest.mark.parametrize(
    ("stated", "encoding"),
    [
        ("", "utf-8"),
        ("UNICODE UTF-8", "utf-8"),
        ("8859/1", "latin-1"),
        ("8859/15", "iso8859-15"),
        ("ASCII~UNICODE UTF-8", "utf-8"),
        ("UNICODE", "utf-8"),
    ],
)
def test_each_character_set_gives_one_name(stated: str, encoding: str) -> None:
    body = ADMISSION.replace("|P|2.4", f"|P|2.4||||||{stated}").replace("ASHDOWN", "BJÖRK").encode(encoding)
    assert resources(body, "Patient")[0]["name"][0]["family"] == "BJÖRK"


@pytest.mark.parametrize(
    ("sent", "start"),
    [
        ("2026", "2026"),
        ("202606", "2026-06"),
        ("20260601", "2026-06-01"),
        ("2026060109", "2026-06-01T09:00:00+01:00"),
        ("202606010955", "2026-06-01T09:55:00+01:00"),
        ("20260601095559", "2026-06-01T09:55:59+01:00"),
        ("20260601095559.1", "2026-06-01T09:55:59.1+01:00"),
        ("20260601095559.12", "2026-06-01T09:55:59.12+01:00"),
        ("20260601095559.123", "2026-06-01T09:55:59.123+01:00"),
        ("20260601095559.1234", "2026-06-01T09:55:59.1234+01:00"),
        ("20260601095559+00", "2026-06-01T09:55:59+00:00"),
        ("202606010955+0000", "2026-06-01T09:55:00+00:00"),
        ("202606010955-0530", "2026-06-01T09:55:00-05:30"),
        ("20260601095559.1234+0100", "2026-06-01T09:55:59.1234+01:00"),
    ],
)
def test_a_time_of_any_shape_is_read(sent: str, start: str) -> None:
    body = ADMISSION.replace("202606010955", sent)
    assert resources(body, "Encounter")[0]["period"]["start"] == start
    assert told(mapped(body)) == []


@pytest.mark.parametrize(
    ("sent", "start"),
    [("202610250130", "2026-10-25T01:30:00+01:00"), ("202603290130", "2026-03-29T01:30:00+00:00")],
    ids=["twice", "never"],
)
def test_an_odd_hour_is_told_and_taken(sent: str, start: str) -> None:
    body = ADMISSION.replace("202606010955", sent)
    assert resources(body, "Encounter")[0]["period"]["start"] == start
    assert told(mapped(body)) == [(Code.AMBIGUOUS_TIME, "PV1-44")]


@pytest.mark.parametrize("sent", ["20260230", "202613010955", "tomorrow", "00000000", "00/00/0000"])
def test_a_date_that_does_not_exist_is_told_by_its_field_and_left_out(sent: str) -> None:
    body = ADMISSION.replace("202606010955", sent)
    assert "period" not in resources(body, "Encounter")[0]
    issues = mapped(body).issues
    assert [(i.code, i.path, i.severity) for i in issues] == [(Code.INVALID_DATE, "PV1-44", Severity.WARNING)]
    assert sent not in str(issues)


def test_a_date_of_birth_that_does_not_exist_is_refused_by_its_field() -> None:
    with pytest.raises(Unprocessable) as refused:
        mapped(ADMISSION.replace("19480512", "19481305"))
    assert [(i.code, i.path) for i in errors_of(refused.value.issues)] == [(Code.INVALID_DATE, "PID-7")]
    assert "19481305" not in str(refused.value)
    assert "birthDate" not in resources(ADMISSION.replace("19480512", "00000000"), "Patient")[0]


@pytest.mark.parametrize(
    ("trigger", "code", "path"),
    [
        *((trigger, Code.MISSING_FIELD, "PID") for trigger in ("A01", "A08", "A40", "A45", "Z99")),
        ("A24", Code.UNSUPPORTED_TRIGGER, "MSH-9.2"),  # nothing is linked
    ],
)
def test_an_event_about_nobody_is_refused(trigger: str, code: Code, path: str) -> None:
    without = re.sub(r"PID\|[^\r]*\r", "", ADMISSION).replace("ADT^A01^ADT_A01", f"ADT^{trigger}")
    with pytest.raises(Unprocessable) as refused:
        mapped(without)
    first = refused.value.issues[0]
    assert (first.code, first.path) == (code, path)


@pytest.mark.parametrize(
    ("sent", "kind", "type_"),
    [
        ("ADT^A01", "ADT^A01", "patient-admitted-1"),
        ("adt^a01", "ADT^A01", "patient-admitted-1"),
        ("ADT ^ A01 ", "ADT^A01", "patient-admitted-1"),
        ("ADT^^ADT_A01", "ADT", "encounter-updated-1"),
        ("^^ADT_A01", "ADT", "encounter-updated-1"),
        ("^A03^ADT_A03", "ADT^A03", "patient-discharged-1"),
    ],
)
def test_the_kind_is_read_however_it_is_written(sent: str, kind: str, type_: str) -> None:
    body = ADMISSION.replace("ADT^A01^ADT_A01", sent)
    assert decode_hl7v2(body.encode()).kind == kind
    assert event(body)[0] == type_


def test_a_header_that_names_nobody_stops_nothing() -> None:
    body = ADMISSION.replace("|PAS|RBD|HUB|HUB|", "|||||")
    assert event(body)[0] == "patient-admitted-1"
    (header,) = resources(body, "MessageHeader")
    assert header["source"] == {"endpoint": "urn:carehub:source:pas"}


def test_each_message_of_a_batch_gives_its_event() -> None:
    second = ADMISSION.replace("ADT^A01^ADT_A01|1|", "ADT^A03^ADT_A03|2|")
    batch = f"FHS|^~\\&|PAS\rBHS|^~\\&|PAS\r{ADMISSION}{second}BTS|2\rFTS|1\r"
    assert [event(body)[0] for body in split_messages(batch.encode())] == ["patient-admitted-1", "patient-discharged-1"]


def test_a_document_inside_a_message_comes_through_as_it_is() -> None:
    document = "JVBERi0xLjQKJcOkw7zDtsOfCg=="
    line = f"OBX|2|ED|11502-2^Report^LN||^application^pdf^Base64^{document}||||||F\r"
    bundle = orjson.dumps(event(ADMISSION + line)[2]).decode()
    assert document in bundle
    assert "application/pdf" in bundle


@pytest.mark.parametrize("trigger", ["A08", "A31", "A01"])
def test_an_update_never_opens_a_visit_that_is_over(trigger: str) -> None:
    over = ADMISSION.replace("202606010955\r", "202606010955|202606021100\r").replace("^A01^ADT_A01", f"^{trigger}")
    assert resources(over, "Encounter")[0]["status"] == ("in-progress" if trigger == "A01" else "finished")


def test_a_merge_a_move_and_a_change_of_number_are_three_things() -> None:
    found = {}
    for trigger in ("A40", "A45", "A47"):
        body = ADMISSION.replace("ADT^A01^ADT_A01", f"ADT^{trigger}").replace("PV1|", "MRG|8|||||\rPV1|")
        (one,) = mapped(body).events
        links = [link["type"] for patient in resources(body, "Patient") for link in patient.get("link", [])]
        found[trigger] = (one.type, bool(one.prior), bool(one.also), links)
    assert found == {
        "A40": ("patient-merged-1", True, False, ["replaces", "replaced-by"]),
        "A45": ("visit-moved-1", False, True, []),
        "A47": ("patient-identifier-changed-1", True, False, ["replaces", "replaced-by"]),
    }


def has(word: str) -> bool:
    """Whether there is a test of this name here, a module of it, or a test of that name in that module."""
    module, _, test = word.rpartition(".")
    file = next((f for folder in FOLDERS if (f := folder / f"{module or word}.py").is_file()), Path(__file__))
    inside = test if module else "" if file != Path(__file__) else word
    return f"def {inside}" in file.read_text(encoding="utf-8")


def test_the_table_names_tests_that_there_are() -> None:
    rows = [row.split("|")[2] for row in (__doc__ or "").splitlines() if row.startswith("| ")]
    words = [word for row in rows for word in re.findall(r"test_[a-z0-9_.]+", row)]
    assert len(words) > 20
    assert [word for word in words if not has(word)] == []
