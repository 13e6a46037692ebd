from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest

from contract.errors import Code, Unprocessable
from mappings.formats.fhir.decode import decode_fhir
from mappings.stages import Decoded, Format
from tests.corpus import CORPUS, needs_corpus

BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "meta": {"lastUpdated": "2021-10-11T15:01:30Z", "versionId": "1"},
    "type": "message",
    "timestamp": "2021-10-11T12:15:10Z",
    "entry": [
        {
            "fullUrl": "urn:uuid:c5957fdd-097b-409d-a406-49c52ceef2cd",
            "resource": {
                "resourceType": "MessageHeader",
                "eventCoding": {"system": "urn:events", "code": "booking-request"},
                "source": {"endpoint": "urn:sender|1"},
            },
        },
        {"resource": {"resourceType": "Patient", "gender": "female"}},
    ],
}


def sent(**changes: Any) -> Decoded:
    bundle = deepcopy(BUNDLE)
    header = bundle["entry"][0]["resource"]
    for name, value in changes.items():
        target = bundle if name in ("identifier", "timestamp", "meta") else header
        if value is None:
            target.pop(name)
        else:
            target[name] = value
    return decode_fhir(orjson.dumps(bundle))


def test_the_header_says_what_the_message_is() -> None:
    decoded = sent()
    assert (decoded.format, decoded.kind) == (Format.FHIR, "booking-request")
    assert decoded.tree == BUNDLE
    assert sent(eventCoding=None, eventUri="urn:nhs:message:pds-birth-1").kind == "pds-birth-1"
    assert sent(eventCoding=None, eventUri="https://example.org/events/birth").kind == "birth"


def test_the_message_id_prefers_the_bundles_identifier_then_the_headers_id_then_its_full_url() -> None:
    start = "booking-request^urn:sender|1^"
    assert sent().message_id == start + "urn:uuid:c5957fdd-097b-409d-a406-49c52ceef2cd"
    assert sent(id="h1").message_id == start + "h1"
    assert sent(id="h1", identifier={"system": "urn:s", "value": "9"}).message_id == start + "urn:s|9"
    assert sent(id="h1", source=None).message_id == "booking-request^^h1"


def test_stamps_of_a_resend_do_not_make_another_message() -> None:
    first = sent()
    assert sent(timestamp="2022-01-01T00:00:00Z", meta={"versionId": "1"}).comparable == first.comparable
    assert sent(meta={"versionId": "2"}).comparable != first.comparable
    assert sent(id="other").comparable != first.comparable


def broken(change: Any) -> bytes:
    bundle = deepcopy(BUNDLE)
    change(bundle)
    return orjson.dumps(bundle)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"resourceType":"Patient"}', "resourceType"),
        (b"[]", "resourceType"),
        (broken(lambda b: b.update(type="batch")), "Bundle.type"),
        (broken(lambda b: b.update(entry=[])), "Bundle.entry"),
        (broken(lambda b: b.update(entry=5)), "Bundle.entry"),
        (broken(lambda b: b["entry"].append({"fullUrl": "urn:x"})), "Bundle.entry[2].resource"),
        (broken(lambda b: b["entry"].reverse()), "Bundle.entry[0].resource"),
        (
            broken(lambda b: b["entry"][0]["resource"].update(eventCoding={"display": "x"})),
            "Bundle.entry[0].resource.eventCoding.code",
        ),
    ],
)
def test_what_is_no_message_bundle_is_refused_with_the_path(body: bytes, path: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        decode_fhir(body)
    assert (refused.value.code, refused.value.issues[0].path) == (Code.UNSUPPORTED_MESSAGE, path)


@needs_corpus
@pytest.mark.corpus
@pytest.mark.parametrize("name", ["booking_POST.json", "process_message_POST-body.json"])
def test_real_bookings_are_read(name: str) -> None:
    decoded = decode_fhir((CORPUS / "bars" / name).read_bytes())
    assert decoded.kind == "booking-request"
    assert decoded.message_id is not None
