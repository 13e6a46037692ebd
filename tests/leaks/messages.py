"""Messages of every format with the marked person in them: whole ones, the same with one place after the other replaced
by a mark (whatever quotes that place tells the mark), and broken ones for each refusal that a sender can provoke."""

from __future__ import annotations

import copy
import csv
import io
import itertools
import json
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import mappings
from tests.leaks.marks import BORN, EMAIL, FAMILY, GIVEN, LOCAL_NUMBER, NHS_NUMBER, PHONE, POSTCODE, STREET, TEXT, WORD

PACKS: Final = Path(mappings.__file__).parent / "packs"
HL7: Final = "application/hl7-v2"
FHIR_JSON: Final = "application/fhir+json"
FHIR_XML: Final = "application/fhir+xml"
CSV: Final = "text/csv"
JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

FAULTY: Final = "FAULTY"
"""A name that makes the decoders of tests.leaks.faults fail with the message in the text of its exception."""

UNKEEPABLE: Final = "UNKEEPABLE"
"""A name that makes the store of tests.leaks.faults fail so."""


@dataclass(frozen=True, slots=True)
class Message:
    """`source` is who sends it, by what its packs read; `headers` come beside those of every request."""

    name: str
    source: str
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return "/fhir/$process-message" if "x-request-id" in self.headers else "/events"


def sample(pack: str, name: str) -> bytes:
    (file,) = (PACKS / pack / "samples" / name).glob("message.*")
    return file.read_bytes()


def whole() -> Iterator[Message]:
    """Good ones of every format."""
    for name in ("a01-every-field", "a40-merge", "a08-unusual-delimiters", "edge-nobody-in-a-role"):
        yield Message(name, "leaks-pas", HL7, sample("hl7v2", name))
    for name in ("oru-r01-pathology", "oru-r01-radiology", "a01-admission", "edge-restricted", "edge-unknown-codes"):
        yield Message(name, "leaks-pas", HL7, _marked_hl7(sample("hl7v2-itk", name).decode()))
    yield Message("admission", "leaks-pas", HL7, hl7())
    yield Message("bars", "leaks-bars", FHIR_JSON, json.dumps(_marked_json(_bars())).encode())
    xml = re.sub(rb'(<(?:family|given|line|text) value=")[^"]*"', rb"\1%s\"" % WORD.encode(), _bars_xml())
    yield Message("bars by $process-message", "leaks-bars", FHIR_XML, xml, {"x-request-id": f"{WORD}-request"})
    rows = _cld()
    yield Message("cld", "leaks-cld", CSV, _csv([rows[0], *(_marked_row(row, rows[0]) for row in rows[1:])]))
    yield Message("mhsds", "leaks-mhsds", NDJSON, b"\n".join(_mhsds_rows()))


def swept() -> Iterator[Message]:
    """Each place of a message of every format replaced by a mark, one at a time."""
    yield from _swept_hl7("a01-every-field")
    yield from _swept_hl7("oru-r01-pathology", "hl7v2-itk")
    for place, document in _swept_json(_bars()):
        yield Message(f"bars {place}", "leaks-bars", FHIR_JSON, json.dumps(document).encode())
    xml = _bars_xml().decode()
    for number, found in enumerate(re.finditer(r'value="([^"]*)"|<(\w+)', xml)):
        start, end = found.span(1 if found[1] is not None else 2)
        body = xml[:start] + WORD + xml[end:]
        yield Message(f"bars XML {number}", "leaks-bars", FHIR_XML, body.encode(), {"x-request-id": f"xml-{number}"})
    header, *rows = _cld()
    for column in range(len(header)):
        marked = [[mark if place == column else cell for place, cell in enumerate(rows[0])] for mark in (WORD, TEXT)]
        yield Message(f"cld {header[column]}", "leaks-cld", CSV, _csv([header, *marked]))
        renamed = [(WORD, TEXT)[column % 2] if place == column else name for place, name in enumerate(header)]
        yield Message(f"cld column {header[column]}", "leaks-cld", CSV, _csv([renamed, rows[0]]))
    for row in _mhsds_rows():
        for place, document in _swept_json(json.loads(row)):
            yield Message(f"mhsds {place}", "leaks-mhsds", JSON, json.dumps(document).encode())


def broken() -> Iterator[Message]:
    """For each refusal that needs a message of its own; most come with marks in what could be quoted."""
    pas, bars, cld, mhsds = ("leaks-pas", "leaks-bars", "leaks-cld", "leaks-mhsds")
    yield Message("empty", pas, "text/plain", b"")
    yield Message("no format", pas, "text/plain", TEXT.encode())
    yield Message("no MSH", pas, HL7, f"PID|1||{LOCAL_NUMBER}||{FAMILY}\r".encode())
    yield Message("letters as delimiters", pas, HL7, f"MSHabcde{FAMILY}\r".encode())
    yield Message("segment id", pas, HL7, hl7() + f"{FAMILY}|{TEXT}\r".encode())
    yield Message("bytes of no character set", pas, HL7, hl7(character_set="UNICODE UTF-8") + b"NTE|1||\xff\xfe\x00\r")
    yield Message("UTF-16 cut", pas, HL7, b"\xff\xfe" + hl7().decode().encode("utf-16-le") + b"\xd8")
    yield Message("character set", pas, HL7, hl7(character_set=FAMILY))
    yield Message("message type", pas, HL7, hl7(kind=f"{FAMILY}^{GIVEN}"))
    yield Message("no message type", pas, HL7, hl7(kind=""))
    yield Message("trigger", pas, HL7, hl7(kind=f"ADT^{FAMILY}"))
    yield Message("structure", pas, HL7, hl7(kind="SIU^S12"))
    yield Message("version", pas, HL7, hl7(version=FAMILY))
    yield Message("control id", pas, HL7, hl7(control=f"{FAMILY}{NHS_NUMBER}"))
    yield Message("control id again", pas, HL7, hl7(control=f"{FAMILY}{NHS_NUMBER}", given="Other"))
    yield Message("date of birth", pas, HL7, hl7(born="19310231"))
    yield Message("date in words", pas, HL7, hl7(born="23 July 1931"))
    yield Message("NHS number with a wrong digit", pas, HL7, hl7(nhs_number="9997314868"))
    yield Message("nobody", pas, HL7, hl7(local="", nhs_number="", family="", given=""))
    yield Message("clock change", pas, HL7, hl7(moment="20261025013000"))
    yield Message("observation of no type", pas, HL7, _observation("QQ", TEXT))
    yield Message("number that is none", pas, HL7, _observation("NM", TEXT))
    yield Message("JSON cut", bars, FHIR_JSON, f'{{"name": "{FAMILY}", "{NHS_NUMBER}'.encode())
    yield Message("JSON twice the key", mhsds, JSON, f'{{"{FAMILY}": 1, "{FAMILY}": "{TEXT}"}}'.encode())
    yield Message("JSON with a bad number", mhsds, JSON, f'{{"x": {PHONE}, "{FAMILY}": NaN}}'.encode())
    yield Message("no such table", mhsds, JSON, json.dumps({"table": FAMILY, "NHSNumber": NHS_NUMBER}).encode())
    yield Message("NDJSON", mhsds, NDJSON, f'{{"table": "MHS001MPI"}}\n{TEXT}\n{{"{FAMILY}'.encode())
    yield Message("array of texts", mhsds, JSON, json.dumps([FAMILY, TEXT, [NHS_NUMBER]]).encode())
    yield Message("XML cut", bars, FHIR_XML, f"<Bundle><{FAMILY}>{TEXT}".encode())
    yield Message("XML attribute", bars, FHIR_XML, f'<Bundle {FAMILY}="{TEXT}"/>'.encode())
    yield Message("XML entity", bars, FHIR_XML, f'<!DOCTYPE B [<!ENTITY x "{TEXT}">]><B>&x;</B>'.encode())
    yield Message("XML not UTF-8", bars, FHIR_XML, f'<?xml version="1.0" encoding="{WORD}"?><B/>'.encode())
    yield Message("no resource", bars, FHIR_JSON, json.dumps({"resourceType": FAMILY, "id": NHS_NUMBER}).encode())
    yield Message("no Bundle", bars, FHIR_JSON, json.dumps({"resourceType": "Patient", FAMILY: TEXT}).encode())
    yield Message("somebody twice", bars, FHIR_JSON, json.dumps(_twice(_marked_json(_bars()))).encode())
    yield Message("column twice", cld, CSV, f"{FAMILY},{FAMILY}\n{TEXT},x\n".encode())
    yield Message("no columns of ours", cld, CSV, f"{FAMILY},{STREET}\n{NHS_NUMBER},{PHONE}\n".encode())
    yield Message("row too long", cld, CSV, _csv([*_cld()[:2], [*_cld()[1], *[TEXT] * 3]]))
    yield Message("quote without an end", cld, CSV, _csv(_cld()[:2]) + f'814,"{TEXT}'.encode())
    yield Message("not of this pack", cld, HL7, hl7(control="elsewhere"))
    yield Message("too large", pas, HL7, hl7() + b"NTE|1||" + TEXT.encode() * 4000 + b"\r")
    yield Message("no pack type", pas, f"text/{FAMILY}; name={FAMILY}", TEXT.encode())
    yield Message("type parameter", pas, f"{HL7}; charset={FAMILY}", hl7(control="parameter"))
    yield Message("compressed", pas, HL7, hl7(), {"content-encoding": FAMILY})
    yield Message("failing decoder", pas, HL7, hl7(control="faulty", given=FAULTY))
    yield Message("failing decoder of a file", cld, CSV, _csv([*_cld()[:2], [FAULTY, *_cld()[1][1:]]]))
    yield Message("failing store", pas, HL7, hl7(control="unkeepable", given=UNKEEPABLE))
    yield Message("waits", mhsds, JSON, _ward_stay(f"{LOCAL_NUMBER}-spell"))


def unlike_headers() -> Iterator[dict[str, str]]:
    """Marks where a header could be quoted, stored or passed on."""
    names = ("idempotency-key", "x-correlation-id", "traceparent", "tracestate", "baggage", "user-agent", "accept")
    for name in (*names, "cookie", "referer", "x-forwarded-for", "x-patient", "if-match", "expect"):
        for mark in (WORD, TEXT):
            yield {name: mark}
    yield {"traceparent": f"00-{NHS_NUMBER:0>32}-{FAMILY:0<16}-01"}
    yield {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": f"{WORD}={WORD}"}


def hl7(
    kind: str = "ADT^A01^ADT_A01",
    control: str = "",
    *,
    family: str = FAMILY,
    given: str = GIVEN,
    born: str = BORN.replace("-", ""),
    local: str = LOCAL_NUMBER,
    nhs_number: str = NHS_NUMBER,
    moment: str = "20260601120000",
    version: str = "2.5",
    character_set: str = "",
    more: Sequence[str] = (),
) -> bytes:
    control = control or f"leaks-{next(_numbers)}"
    identifiers = "~".join(
        [*([f"{local}^^^RBD^MR"] if local else []), *([f"{nhs_number}^^^NHS^NH"] if nhs_number else [])]
    )
    address = f"17 {STREET} Yard^^Poole^^{POSTCODE}"
    segments = [
        f"MSH|^~\\&|PAS|RBD|HUB|QVV|{moment}||{kind}|{control}|P|{version}||||||{character_set}",
        f"EVN||{moment}",
        f"PID|1||{identifiers}||{family}^{given}||{born}|2|||{address}||{PHONE}^PRN^PH~^NET^Internet^{EMAIL}",
        f"NK1|1|{FAMILY}^{GIVEN}|SPO|{address}|{PHONE}",
        f"PV1|1|I|W7^^^RBD||||||||||||||||{LOCAL_NUMBER}-V1",
        f"OBX|1|TX|NOTE^Note||{TEXT}||||||F",
        f"NTE|1||{TEXT}",
        *more,
    ]
    return "\r".join(segments).encode() + b"\r"


_numbers = itertools.count(1)


def _observation(kind: str, value: str) -> bytes:
    return hl7(more=(f"OBX|2|{kind}|29463-7^Weight^LN||{value}|{FAMILY}|||||F",))


def _marked_hl7(text: str) -> bytes:
    """A sample with the marked person's name, address and number."""
    lines = text.replace("\n", "\r").split("\r")
    for number, line in enumerate(lines):
        fields = line.split("|")
        places = {"PID": {5: f"{FAMILY}^{GIVEN}", 7: BORN.replace("-", ""), 11: f"1 {STREET}^^^^{POSTCODE}", 13: PHONE}}
        places |= {"NK1": {2: f"{FAMILY}^{GIVEN}", 4: f"1 {STREET}", 5: PHONE}, "NTE": {3: TEXT}}
        for place, mark in places.get(fields[0], {}).items():
            if place < len(fields):
                fields[place] = mark
        lines[number] = "|".join(fields)
    return "\r".join(lines).encode()


def _swept_hl7(name: str, pack: str = "hl7v2") -> Iterator[Message]:
    segments = sample(pack, name).decode().replace("\n", "\r").strip("\r").split("\r")
    for number, segment in enumerate(segments):
        fields = segment.split("|")
        for place, value in enumerate(fields):
            if not value or (number == 0 and place < 2):  # MSH, and the delimiters themselves
                continue
            # in turn a word in the first component, and a text
            marked = TEXT if (number + place) % 2 else "^".join([WORD, *value.split("^")[1:]])
            changed = [*fields[:place], marked, *fields[place + 1 :]]
            lines = [*segments[:number], "|".join(changed), *segments[number + 1 :]]
            if (number, place) != (0, 9):
                header = lines[0].split("|")
                header[9] = f"swept-{next(_numbers)}"
                lines[0] = "|".join(header)
            where = f"{fields[0]}-{place if number else place + 1}"
            yield Message(f"{name} {where}", "leaks-pas", HL7, "\r".join(lines).encode() + b"\r")


def _swept_json(document: Any) -> Iterator[tuple[str, Any]]:
    """Copies of a document with one leaf, or one key, replaced."""
    for number, (path, _) in enumerate(_leaves(document)):
        changed = copy.deepcopy(document)
        *above, last = path
        holder = changed
        for step in above:
            holder = holder[step]
        holder[last] = (WORD, TEXT)[number % 2]
        yield f"leaf {number}", changed
        if isinstance(path[-1], str):
            renamed = copy.deepcopy(document)
            holder = renamed
            for step in path[:-1]:
                holder = holder[step]
            holder[WORD] = holder.pop(path[-1])
            yield f"key {number}", renamed


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _leaves(member, (*path, key))
    elif isinstance(value, list):
        for place, member in enumerate(value):
            yield from _leaves(member, (*path, place))
    else:
        yield path, value


def _marked_json(document: Any) -> Any:
    """Every name, address line, phone and note of it is the marked person's."""
    marks = {"family": FAMILY, "line": [STREET], "given": [GIVEN], "postalCode": POSTCODE, "birthDate": BORN}
    if isinstance(document, dict):
        return {key: marks[key] if key in marks else _marked_json(member) for key, member in document.items()}
    return [_marked_json(member) for member in document] if isinstance(document, list) else document


def _bars() -> Any:
    return json.loads(sample("bars", "referral-update"))


def _twice(bundle: Any) -> Any:
    """Its Patient once more, under the same identifier and with another gender."""
    patient = next(each for each in bundle["entry"] if each["resource"]["resourceType"] == "Patient")
    resource = {**patient["resource"], "gender": "other"}
    return {**bundle, "entry": [*bundle["entry"], {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": resource}]}


def _bars_xml() -> bytes:
    return sample("bars", "referral-new-xml")


def _cld() -> list[list[str]]:
    return list(csv.reader(io.StringIO(sample("cld", "file-with-bad-rows").decode())))


def _marked_row(row: Sequence[str], header: Sequence[str]) -> list[str]:
    marks = {"First Name": GIVEN, "Last Name": FAMILY, "Postcode": POSTCODE, "NHS Number": NHS_NUMBER}
    marks |= {"LA Person Unique Identifier": LOCAL_NUMBER, "Event Description": TEXT, "Event Outcome": FAMILY}
    return [marks.get(name, cell) for name, cell in zip(header, row, strict=True)]


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _mhsds_rows() -> list[bytes]:
    names = ("mhs001-person", "mhs101-received", "mhs201-planned", "mhs501-admitted", "mhs401-detained")
    return [sample("mhsds", name).replace(b"SYN-0001", LOCAL_NUMBER.encode()).replace(b"\n", b" ") for name in names]


def _ward_stay(spell: str) -> bytes:
    row = json.loads(sample("mhsds", "mhs502-without-its-spell"))
    return json.dumps({**row, "HospProvSpellID": spell, "WardStayId": FAMILY}).encode()
