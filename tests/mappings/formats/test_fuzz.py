"""Whatever the bytes are, a decoder answers with Decoded or a Refusal, soon, and says nothing of the values."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.errors import Refusal
from mappings.formats import decode, recognise, split
from mappings.formats.hl7v2.message import Message
from mappings.stages import Decoded, Format

HL7 = (
    b"MSH|^~\\&|PAS|RCB|R|R|20240501||ADT^A01^ADT_A01|1|P|2.4||||||8859/1\r\nEVN||20240501\rPID|1||9^^^NHS~8||S^F^^^^\r"
    b"OBX|1|TX|a||line\r\nmore \\.br\\ \\X0D\\ \\T\\|||\rZU1|1\r"
)
JSON = (
    b'{"resourceType":"Bundle","type":"message","entry":[{"fullUrl":"urn:x","resource":{"resourceType":'
    b'"MessageHeader","eventCoding":{"code":"e"},"source":{"endpoint":"urn:s"},"meta":{"lastUpdated":"2024"}}},'
    b'{"resource":{"resourceType":"Observation","valueQuantity":{"value":1.50}}}]}'
)
XML = (
    b'<?xml version="1.0" encoding="UTF-8"?><Bundle xmlns="http://hl7.org/fhir"><type value="message"/><entry>'
    b'<resource><MessageHeader><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">x</div></text>'
    b'<eventCoding><code value="e"/></eventCoding></MessageHeader></resource></entry></Bundle>'
)
CSV = b'Name,"Date of Birth",x\r\n"a ""b""",1970,\n1;2\t3,4\n'
ROWS = b'{"table":"MHS101","row":{"a":"1","b":2.50,"c":[null,true]}}\n{"a":"1"}\n'
SEEDS = {Format.HL7V2: [HL7], Format.FHIR: [JSON, XML], Format.CSV: [CSV], Format.JSON: [ROWS]}
PIECES = [
    b"\r",
    b"\n",
    b"|",
    b"^",
    b"~",
    b"\\",
    b"&",
    b"MSH",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b'"',
    b"{",
    b"]",
    b",",
    b":",
]
PIECES += [
    b"<!DOCTYPE x>",
    b"<?",
    b"<a>",
    b"</",
    b"&#x0;",
    b"\\u003",
    b"\\ud800",
    b"1e400",
    b"\x0b",
    b"\x1c\r",
    b"FHS|^~\\&|\r",
]


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A good body, cut, with pieces put in, taken out, doubled and replaced."""
    body = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 20)))
        match draw(st.integers(0, 3)):
            case 0:
                body[start:end] = draw(st.sampled_from(PIECES))
            case 1:
                body[start:end] = bytes(body[start:end]) * 3
            case 2:
                body[start:end] = draw(st.binary(max_size=4))
            case _:
                del body[end:]
    return bytes(body)


def taken(body: bytes, body_format: Format) -> Decoded | None:
    started = time.perf_counter()
    try:
        decoded = decode(body, body_format)
        if isinstance(decoded.tree, Message):
            for segment in decoded.tree.segments:
                for n in range(1, len(segment) + 1):
                    segment.repetitions(n)
    except Refusal as refused:
        assert all(len(issue.text) < 300 and len(issue.path) < 200 for issue in refused.issues)  # noqa: PT017
        decoded = None
    assert time.perf_counter() - started < 2
    return decoded


@pytest.mark.parametrize("body_format", list(Format))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_messages_are_decoded_or_refused(body_format: Format, data: st.DataObject) -> None:
    body = data.draw(damaged(SEEDS[body_format]))
    decoded = taken(body, body_format)
    assert decoded is None or len(decoded.comparable) == 32


@settings(max_examples=300, deadline=None)
@given(st.one_of(*(damaged(seeds) for seeds in SEEDS.values()), st.binary(max_size=60)))
def test_any_body_without_a_content_type_is_split_and_decoded_or_refused(body: bytes) -> None:
    try:
        parts = split(body, None)
        for part in parts if parts is not None else ():
            taken(part.body, recognise(part.body, part.content_type))
    except Refusal:
        return
    if parts is None:
        taken(body, recognise(body, None))


@pytest.mark.parametrize("body_format", list(Format))
def test_the_seeds_themselves_decode(body_format: Format) -> None:
    for seed in SEEDS[body_format]:
        parts = split(seed, {"csv": "text/csv", "json": "application/x-ndjson"}.get(body_format))
        bodies = [seed] if parts is None else [part.body for part in parts if part.issue is None]
        assert bodies
        assert all(taken(body, body_format) for body in bodies)
