from __future__ import annotations

import pytest

from contract.errors import Code, Refusal, Undecodable, Unprocessable, UnsupportedType
from mappings.formats import CONTENT_TYPES, decode, recognise, split
from mappings.stages import Format

HL7 = b"MSH|^~\\&|A|B|C|D|2020||ADT^A01|1|P|2.4\rPID|1\r"
BUNDLE = (
    b'{"type":"message","entry":[{"resource":{"resourceType":"MessageHeader","eventCoding":{"code":"booking"},'
    b'"id":"h1"}}],"resourceType":"Bundle"}'
)
XML = b'<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>'


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (HL7, "application/hl7-v2", Format.HL7V2),
        (HL7, "application/hl7-v2+er7; charset=utf-8", Format.HL7V2),
        (HL7, "X-Application/HL7-v2+er7", Format.HL7V2),
        (HL7, "text/plain", Format.HL7V2),
        (b"\x0b\xef\xbb\xbf" + HL7, None, Format.HL7V2),
        (b"FHS|^~\\&|A\r" + HL7, "", Format.HL7V2),
        (BUNDLE, "application/fhir+json", Format.FHIR),
        (BUNDLE, "application/json", Format.FHIR),
        (BUNDLE, None, Format.FHIR),
        (XML, "application/fhir+xml", Format.FHIR),
        (XML, "text/plain", Format.FHIR),
        (b'{"NHSNumber": "1"}', "application/json", Format.JSON),
        (b'[{"resourceType": "Bundle"}]', "application/json", Format.JSON),
        (b"not json", "application/json", Format.JSON),
        (b'{"a": 1}\n{"a": 2}', "application/x-ndjson", Format.JSON),
        (b"Name,Date\nx,y\n", "text/csv", Format.CSV),
        (b"Name;Date\nx;y\n", None, Format.CSV),
    ],
)
def test_content_type_decides_and_content_where_it_does_not(
    body: bytes, content_type: str | None, expected: Format
) -> None:
    assert recognise(body, content_type) is expected


@pytest.mark.parametrize(
    ("body", "content_type", "kind", "code"),
    [
        (HL7, "image/png", UnsupportedType, Code.UNSUPPORTED_TYPE),
        (b"{}", "application/cloudevents+json", Unprocessable, Code.UNSUPPORTED_MESSAGE),
        (b"hello", "text/plain", Undecodable, Code.UNRECOGNISED_FORMAT),
        (b"\x00\x01\x02", None, Undecodable, Code.UNRECOGNISED_FORMAT),
        (b"", None, Undecodable, Code.EMPTY),
    ],
)
def test_what_cannot_be_recognised_is_refused(
    body: bytes, content_type: str | None, kind: type[Refusal], code: Code
) -> None:
    with pytest.raises(kind) as refused:
        recognise(body, content_type)
    assert refused.value.code is code


def test_the_content_types_of_the_http_surface_are_known() -> None:
    assert set(CONTENT_TYPES) == {
        "application/hl7-v2",
        "application/hl7-v2+er7",
        "x-application/hl7-v2+er7",
        "text/plain",
        "application/fhir+json",
        "application/fhir+xml",
        "application/cloudevents+json",
        "application/json",
        "application/x-ndjson",
        "text/csv",
    }


@pytest.mark.parametrize(
    ("body", "content_type", "kinds"),
    [
        (HL7 + HL7, "application/hl7-v2", ["ADT^A01", "ADT^A01"]),
        (b"FHS|^~\\&|A\r" + HL7 + b"FTS|1\r", None, ["ADT^A01"]),
        (b"Name,Date\nx,y\n", "text/csv", ["row"]),
        (b'[{"a": "1"}, {"a": "2"}]', "application/json", ["row", "row"]),
        (b'{"a": "1"}\n\n{"a": "2"}\r\n', "application/x-ndjson", ["row", "row"]),
        (b'{"a": "1"}\n{"a": "2"}\n', "application/json", ["row", "row"]),
        (b"[" + BUNDLE + b"]", "application/json", ["booking"]),
    ],
)
def test_a_body_of_several_messages_is_split_and_each_part_decodes(
    body: bytes, content_type: str | None, kinds: list[str]
) -> None:
    parts = split(body, content_type)
    assert parts is not None
    listed = list(parts)
    assert [part.number for part in listed] == list(range(1, len(listed) + 1))
    assert [decode(part.body, recognise(part.body, part.content_type)).kind for part in listed] == kinds
    assert [split(part.body, part.content_type) for part in listed] == [None] * len(listed)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (HL7, "application/hl7-v2"),
        (BUNDLE, "application/fhir+json"),
        (b'{"a": "1"}', "application/json"),
        (b'{"a":\n{"b": 1}}', "application/json"),
    ],
)
def test_a_single_message_is_not_split(body: bytes, content_type: str) -> None:
    assert split(body, content_type) is None
