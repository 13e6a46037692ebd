from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from contract.errors import Code, Refusal, Undecodable, Unprocessable
from mappings.formats.fhir.decode import decode_fhir
from mappings.formats.fhir.xml import read_xml
from tests.corpus import CORPUS, needs_corpus

PATIENT = """<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<Patient xmlns="http://hl7.org/fhir">
  <id value="p1"/>
  <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>Text &amp; more</p></div></text>
  <contained><Organization><id value="o1"/><active value="true"/></Organization></contained>
  <extension url="urn:x"><valueDecimal value="1.50"/></extension>
  <name id="n1"><given value="A"/><given><extension url="urn:y"><valueCode value="c"/></extension></given>
    <given id="g3" value="C"/></name>
  <birthDate value="1970-01-01"><extension url="urn:z"><valueInteger value="7"/></extension></birthDate>
  <multipleBirthInteger value="2"/>
</Patient>"""


def test_xml_becomes_the_json_form() -> None:
    assert read_xml(PATIENT.encode()) == {
        "resourceType": "Patient",
        "id": "p1",
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Text &amp; more</p></div>',
        },
        "contained": [{"resourceType": "Organization", "id": "o1", "active": True}],
        "extension": [{"url": "urn:x", "valueDecimal": Decimal("1.50")}],
        "name": [
            {
                "id": "n1",
                "given": ["A", None, "C"],
                "_given": [None, {"extension": [{"url": "urn:y", "valueCode": "c"}]}, {"id": "g3"}],
            }
        ],
        "birthDate": "1970-01-01",
        "_birthDate": {"extension": [{"url": "urn:z", "valueInteger": 7}]},
        "multipleBirthInteger": 2,
    }


def test_values_of_the_wrong_kind_stay_text_for_validation_to_name() -> None:
    body = b'<Patient xmlns="http://hl7.org/fhir"><active value="maybe"/><multipleBirthInteger value="two"/></Patient>'
    assert read_xml(body) == {"resourceType": "Patient", "active": "maybe", "multipleBirthInteger": "two"}


BOMB = b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;">]>'
OUTSIDE = b'<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
ROOT = b'<Patient xmlns="http://hl7.org/fhir"><id value="1"/></Patient>'


@pytest.mark.parametrize(
    "body",
    [
        BOMB + ROOT,
        b'<?xml version="1.0"?>' + OUTSIDE + ROOT,
        b"<!DOCTYPE Patient>" + ROOT,
        b'<?xml version="1.0"?><?xml-stylesheet href="x"?>' + ROOT,
        b"<?xml version='1.0' odd='1'?>" + ROOT,
        ROOT + b"<?php x ?>",
        b"\xef\xbb\xbf  " + BOMB + ROOT,
    ],
)
def test_document_types_entities_and_instructions_are_refused_unread(body: bytes) -> None:
    with pytest.raises(Undecodable) as refused:
        decode_fhir(body)
    assert refused.value.code is Code.FORBIDDEN_XML


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7"])
def test_encodings_in_which_a_document_type_could_hide_are_refused(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding.upper()}"?>' + (BOMB + ROOT).decode()
    body = text.encode("ascii") if encoding == "utf-7" else text.encode(encoding)
    with pytest.raises(Undecodable) as refused:
        read_xml(body)
    assert refused.value.code is Code.BAD_ENCODING


@pytest.mark.parametrize(
    ("body", "kind", "code", "path"),
    [
        (b"<Patient", Undecodable, Code.MALFORMED_XML, "line 1"),
        (
            b"<Patient xmlns='http://hl7.org/fhir'><id value='&undeclared;'/></Patient>",
            Undecodable,
            Code.MALFORMED_XML,
            None,
        ),
        (b"<Patient/>", Undecodable, Code.MALFORMED_XML, ""),
        (b"<Nobody xmlns='http://hl7.org/fhir'/>", Undecodable, Code.MALFORMED_XML, ""),
        (ROOT.replace(b"<id", b"text<id"), Undecodable, Code.MALFORMED_XML, "Patient"),
        (ROOT.replace(b' value="1"', b""), Undecodable, Code.MALFORMED_XML, "Patient.id"),
        (ROOT.replace(b"<id ", b'<id xmlns="urn:other" '), Undecodable, Code.MALFORMED_XML, "Patient"),
        (ROOT.replace(b"<id ", b"<birthdate "), Unprocessable, Code.INVALID_FHIR, "Patient.birthdate"),
        (ROOT.replace(b"</P", b'<id value="2"/></P'), Unprocessable, Code.INVALID_FHIR, "Patient.id"),
        (ROOT.replace(b"<Patient ", b'<Patient odd="1" '), Unprocessable, Code.INVALID_FHIR, "Patient"),
        (
            ROOT.replace(b"</P", b"<contained><Nobody/></contained></P"),
            Unprocessable,
            Code.INVALID_FHIR,
            "Patient.contained[0]",
        ),
    ],
)
def test_what_is_no_fhir_xml_is_refused_with_the_place(
    body: bytes, kind: type[Refusal], code: Code, path: str | None
) -> None:
    with pytest.raises(kind) as refused:
        read_xml(body)
    assert refused.value.code is code
    assert path is None or refused.value.issues[0].path == path


def test_depth_is_bounded() -> None:
    body = b'<Patient xmlns="http://hl7.org/fhir">' + b'<extension url="u">' * 5000
    with pytest.raises(Undecodable):
        read_xml(body)


@needs_corpus
@pytest.mark.corpus
@pytest.mark.parametrize("name", ["booking_POST.json", "process_message_POST-body.json"])
def test_xml_is_read_as_fhir_resources_reads_it(name: str) -> None:
    from fhir.resources.R4B.bundle import Bundle

    body = (CORPUS / "bars" / name).read_bytes()
    as_xml = Bundle.model_validate(orjson.loads(body)).model_dump_xml()
    ours, theirs = Bundle.model_validate(read_xml(as_xml)), Bundle.model_validate_xml(as_xml)
    assert ours.model_dump_json() == theirs.model_dump_json()
    assert decode_fhir(as_xml).message_id == decode_fhir(body).message_id


@needs_corpus
@pytest.mark.corpus
@pytest.mark.parametrize("file", sorted((CORPUS / "nems").glob("*.xml")), ids=lambda file: file.stem)
def test_messages_of_another_fhir_version_are_refused_with_a_path(file: Path) -> None:
    with pytest.raises(Unprocessable) as refused:
        decode_fhir(file.read_bytes())
    assert refused.value.issues[0].path.startswith("Bundle.entry[0].resource")
