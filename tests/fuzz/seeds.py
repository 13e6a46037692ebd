"""Good bytes to begin with: the packs' own samples, the real messages where they are, and small odd ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from tests.corpus import CORPUS

PACKS: Final = Path(__file__).parents[2] / "mappings" / "packs"

XML: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><Bundle xmlns="http://hl7.org/fhir"><type value="message"/><entry>'
    b'<resource><MessageHeader id="a"><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">x'
    b'</div></text><extension url="urn:x"><valueDecimal value="1.50"/></extension><eventCoding><code value="e"/>'
    b'</eventCoding><source><endpoint value="urn:s"/></source></MessageHeader></resource></entry></Bundle>'
)
BUNDLE: Final = (
    b'{"resourceType":"Bundle","type":"message","timestamp":"2026-01-01T00:00:00Z","identifier":{"value":"1"},"entry":['
    b'{"fullUrl":"urn:x","resource":{"resourceType":"MessageHeader","eventCoding":{"code":"e"},"source":{"endpoint":'
    b'"urn:s"},"meta":{"lastUpdated":"2026"}}},{"resource":{"resourceType":"Observation","valueQuantity":{"value":1.50}}}]}'
)
CSV: Final = b'Name,"Date of Birth",x\r\n"a ""b""",1970,\n1;2\t3,4\n'
NDJSON: Final = b'{"table":"MHS101","row":{"a":"1","b":2.50,"c":[null,true]}}\n{"a":"\\u0031","b":-0}\n'
CLOUDEVENT: Final = b'{"specversion":"1.0","type":"e","source":"/s","id":"1","data":{"a":1}}'
BATCH: Final = (
    b"FHS|^~\\&|PAS|RBD\rBHS|^~\\&|PAS|RBD\rMSH|^~\\&|PAS|RBD|HUB|HUB|20260501||ADT^A01^ADT_A01|1|P|2.4||||||8859/1\r"
    b"PID|1||9^^^NHS~8||S^F\rOBX|1|TX|a||line\r\nmore \\.br\\ \\X0D\\ \\T\\\r"
    b"MSH#*!?%#PAS#RBD#####ORU*R01#2\nBTS|2\r\nFTS|1\r"
)


@cache
def samples(pack: str) -> tuple[bytes, ...]:
    """The messages of a pack's samples, in the order of their names."""
    return tuple(file.read_bytes() for file in sorted((PACKS / pack / "samples").glob("*/message.*")))


@cache
def hl7v2() -> tuple[bytes, ...]:
    """Every HL7 v2 sample of every pack, and the real messages."""
    return (*samples("hl7v2"), *samples("hl7v2-itk"), *real("hl7v2/*.hl7"), BATCH)


@cache
def fhir() -> tuple[bytes, ...]:
    return (*samples("bars"), *real("bars/*.json"), XML, BUNDLE)


def fhir_json() -> tuple[bytes, ...]:
    return tuple(body for body in fhir() if body[:1] == b"{")


def fhir_xml() -> tuple[bytes, ...]:
    return tuple(body for body in fhir() if body[:1] == b"<")


@cache
def csv() -> tuple[bytes, ...]:
    return (*samples("cld"), CSV)


@cache
def rows() -> tuple[bytes, ...]:
    """Rows as JSON: one object each, an array of two, and two lines."""
    each = samples("mhsds")
    return (*each, b"[" + b",".join(each[:2]) + b"]", NDJSON, CLOUDEVENT)


def every() -> tuple[bytes, ...]:
    """One or two of each format."""
    return (*hl7v2()[:2], *fhir()[:1], XML, *csv()[:1], *rows()[-4:], BATCH)


def real(pattern: str) -> tuple[bytes, ...]:
    """Messages of CAREHUB_CORPUS, none where it is missing."""
    return tuple(file.read_bytes() for file in sorted(CORPUS.glob(pattern)))
