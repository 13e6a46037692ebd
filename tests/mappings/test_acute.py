"""The HL7 v2 packs on real messages: what becomes an event, what is refused, and who the person is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from contract.errors import Code, Unprocessable
from contract.identifiers import NHS_NUMBER_SYSTEM, ResourceIds
from mappings import formats, validation
from mappings.language import CompiledPack, load_pack
from mappings.restriction import restrict
from mappings.stages import Format, MapContext, Mapped, Sender

CORPUS = Path(os.environ.get("CAREHUB_CORPUS", "../shared/corpus")) / "hl7v2"
CONTEXT = MapContext(
    Sender("dch-pas", "dch-pas", "RBD"), ResourceIds(b"test key"), datetime(2026, 6, 1, 12, tzinfo=UTC)
)
EVENTS = {
    "A01": "patient-admitted-1",
    "A02": "patient-transferred-1",
    "A03": "patient-discharged-1",
    "A04": "patient-registered-1",
    "A05": "patient-preadmitted-1",
    "A08": "encounter-updated-1",
    "A11": "admission-cancelled-1",
    "A13": "discharge-cancelled-1",
    "A14": "admission-expected-1",
    "A15": "transfer-expected-1",
    "A16": "discharge-expected-1",
    "A25": "discharge-expectation-cancelled-1",
    "A26": "transfer-expectation-cancelled-1",
    "A27": "admission-expectation-cancelled-1",
    "A28": "patient-created-1",
    "A31": "patient-updated-1",
    "A40": "patient-merged-1",
}
OTHERS_NUMBERS = {"IN1": (2, 3, 36, 49), "IN2": (1, 2, 6, 8, 10, 61), "GT1": (2, 12, 19), "NK1": (12, 33, 37)}
"""Fields with numbers of insurers, guarantors, insured people and next of kin: never the patient's own."""


@pytest.fixture(scope="module")
def international() -> CompiledPack:
    return load_pack("hl7v2")


@pytest.fixture(scope="module")
def england() -> CompiledPack:
    return load_pack("hl7v2-itk")


def messages() -> list[Path]:
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus at {CORPUS}: set CAREHUB_CORPUS")
    return sorted(CORPUS.glob("*.hl7"))


@cache
def kind_of(path: Path) -> tuple[str, str]:
    """MSH-9.1 and the trigger event."""
    message, _, trigger = formats.decode(path.read_bytes(), Format.HL7V2).kind.partition("^")
    return message, trigger


def supported() -> Iterator[Path]:
    for path in messages():
        message, trigger = kind_of(path)
        if message == "ADT" and trigger in EVENTS:
            yield path


def mapped(pack: CompiledPack, body: bytes) -> Mapped:
    return pack.map(formats.decode(body, Format.HL7V2), CONTEXT)


def resources(bundle: Any, resource_type: str) -> list[Any]:
    found = (entry["resource"] for entry in bundle["entry"])
    return [resource for resource in found if resource["resourceType"] == resource_type]


def segments(path: Path, name: str) -> list[list[str]]:
    text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\r").replace("\n", "\r")
    return [line.split("|") for line in text.split("\r") if line[:3] == name]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["hl7v2", "hl7v2-itk"])
def test_every_real_message_gives_its_event_or_a_refusal_that_says_which_kind_is_not_known(name: str) -> None:
    pack = load_pack(name)
    files = messages()
    assert len(files) == 63
    outcomes: dict[str, str] = {}
    expected: dict[str, str] = {}
    for path in files:
        message, trigger = kind_of(path)
        unknown = Code.UNSUPPORTED_TRIGGER if message == "ADT" else Code.UNSUPPORTED_MESSAGE
        expected[path.name] = EVENTS[trigger] if path in set(supported()) else unknown
        try:
            outcomes[path.name] = " ".join(event.type for event in mapped(pack, path.read_bytes()).events)
        except Unprocessable as refusal:
            outcomes[path.name] = refusal.code
    assert outcomes == expected


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["hl7v2", "hl7v2-itk"])
def test_every_event_of_a_real_message_is_valid_for_the_fast_and_the_reference_validator(name: str) -> None:
    pack = load_pack(name)
    complaints = [
        (path.name, issue)
        for path in supported()
        for event in mapped(pack, path.read_bytes()).events
        for check in (validation.validate, validation.check_reference)
        for issue in check(event.bundle)
    ]
    assert complaints == []


@pytest.mark.corpus
def test_numbers_of_insurers_guarantors_and_relatives_never_become_the_patients(international: CompiledPack) -> None:
    seen = 0
    for path in supported():
        others = {
            repetition.split("^")[0]
            for name, numbers in OTHERS_NUMBERS.items()
            for segment in segments(path, name)
            for number in numbers
            if number < len(segment)
            for repetition in segment[number].split("~")
        }
        own = {r.split("^")[0] for pid in segments(path, "PID") for n in (2, 3, 4, 19, 20) for r in "~".join(pid[n:n+1]).split("~")}
        others -= own | {""}
        seen += len(others)
        for event in mapped(international, path.read_bytes()).events:
            for patient in resources(event.bundle, "Patient"):
                assert not others & {i.get("value") for i in patient.get("identifier", ())}, path.name
    assert seen > 100


@pytest.mark.corpus
def test_every_next_of_kin_of_a_real_message_is_kept(international: CompiledPack) -> None:
    seen = 0
    for path in supported():
        named = [nk1 for nk1 in segments(path, "NK1") if len(nk1) > 2 and nk1[2]]
        (event,) = mapped(international, path.read_bytes()).events
        contacts = resources(event.bundle, "Patient")[0].get("contact", [])
        assert [c["name"]["family"] for c in contacts] == [n[2].split("^")[0].split("&")[0] for n in named], path.name
        seen += len(named)
    assert seen > 15


@pytest.mark.corpus
def test_every_access_restriction_of_a_real_message_flags_the_person(international: CompiledPack) -> None:
    seen = 0
    for path in supported():
        if segments(path, "ARV"):
            (draft, *_) = restrict(mapped(international, path.read_bytes()))
            assert [flag.rule for flag in draft.flags if flag.on] == ["pds-restricted"], path.name
            seen += 1
    assert seen > 10


@pytest.mark.corpus
def test_a_real_merge_names_both_patients_and_links_them_both_ways(international: CompiledPack) -> None:
    (event,) = mapped(international, (CORPUS / "ADT-A40-01.hl7").read_bytes()).events
    survivor, prior = resources(event.bundle, "Patient")
    assert (event.subject, event.prior) == (survivor["id"], prior["id"])
    assert [i["value"] for i in survivor["identifier"]] == ["12345"]
    assert [i["value"] for i in prior["identifier"]] == ["56789"]
    assert [link["type"] for link in survivor["link"]] == ["replaces"]
    assert [link["type"] for link in prior["link"]] == ["replaced-by"]
    assert survivor["link"][0]["other"]["reference"].endswith(prior["id"])
    assert prior["link"][0]["other"]["reference"].endswith(survivor["id"])
