"""The HL7 v2 packs on real messages: what becomes an event, what is refused, and who the person is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from contract.errors import Code, Unprocessable, errors_of
from contract.event import is_event_type
from contract.identifiers import ResourceIds
from mappings import formats, validation
from mappings.language import CompiledPack
from mappings.restriction import restrict
from mappings.stages import Format, MapContext, Mapped, Sender
from tests.corpus import CORPUS
from tests.mappings.test_corpus import EXPECTED
from tests.packs import built_in

PACKS: Final = Path(__file__).parents[2] / "mappings" / "packs"
REAL: Final = CORPUS / "hl7v2"
CONTEXT: Final = MapContext(
    Sender("dch-pas", "dch-pas", "RBD"), ResourceIds(b"test key"), datetime(2026, 6, 1, 12, tzinfo=UTC)
)
HIDDEN: Final = b"ZU8||2||2"
"""Dissent to share, and a location to hide (ITK, ZU8-2 and ZU8-4)."""

STATUS: Final = {
    "A01": "in-progress",
    "A02": "in-progress",
    "A03": "finished",
    "A04": "arrived",
    "A05": "planned",
    "A08": "in-progress",
    "A11": "cancelled",
    "A12": "in-progress",
    "A13": "in-progress",
    "A14": "planned",
    "A15": "in-progress",
    "A16": "in-progress",
    "A21": "onleave",
    "A22": "in-progress",
    "A25": "in-progress",
    "A26": "in-progress",
    "A27": "cancelled",
    "A28": "in-progress",
    "A31": "in-progress",
    "A38": "cancelled",
    "A52": "in-progress",
    "A53": "onleave",
}
"""Every trigger event of the ITK set that may carry a visit, and what the visit of an inpatient is then."""

OTHERS_NUMBERS: Final = {"IN1": (2, 3, 36, 49), "IN2": (1, 2, 6, 8, 10, 61), "GT1": (2, 12, 19), "NK1": (12, 33, 37)}
"""Fields with numbers of insurers, guarantors, insured people and next of kin: never the patient's own."""


@pytest.fixture(scope="module")
def international() -> CompiledPack:
    return built_in("hl7v2")


@pytest.fixture(scope="module")
def england() -> CompiledPack:
    return built_in("hl7v2-itk")


def messages() -> list[Path]:
    if not REAL.is_dir():
        pytest.skip(f"no corpus at {REAL}: set CAREHUB_CORPUS")
    return sorted(REAL.glob("*.hl7"))


def told() -> list[Path]:
    """The real messages that become events."""
    return [path for path in messages() if is_event_type(EXPECTED[path.name])]


def admissions() -> list[Path]:
    """Those about a person or a visit."""
    return [path for path in told() if path.name.startswith("ADT")]


def mapped(pack: CompiledPack, body: bytes) -> Mapped:
    return pack.map(formats.decode(body, Format.HL7V2), CONTEXT)


def resources(bundle: Any, resource_type: str) -> list[Any]:
    found = (entry["resource"] for entry in bundle["entry"])
    return [resource for resource in found if resource["resourceType"] == resource_type]


def segments(path: Path, name: str) -> list[list[str]]:
    text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\r").replace("\n", "\r")
    return [line.split("|") for line in text.split("\r") if line[:3] == name]


def test_a_restriction_that_several_segments_tell_is_one_label(international: CompiledPack) -> None:
    told_thrice = b"ARV|1|A|DEM\rARV|2|A|DEM\rARV|3|A|PSY"
    header = b"MSH|^~\\&|PAS|RBD|HUB|HUB|20260601101500||ADT^A31|1|P|2.5"
    (event,) = mapped(international, b"\r".join((header, b"PID|1||4471023^^^PAS^MR", told_thrice))).events
    (patient,) = resources(event.bundle, "Patient")
    assert [label["code"] for label in patient["meta"]["security"]] == ["DEM", "PSY", "R"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["hl7v2", "hl7v2-itk"])
def test_every_event_of_a_real_message_is_valid_for_the_fast_and_the_reference_validator(name: str) -> None:
    pack = built_in(name)
    complaints = [
        (path.name, issue)
        for path in told()
        for event in mapped(pack, path.read_bytes()).events
        for check in (validation.validate, validation.check_reference)
        for issue in check(event.bundle)
    ]
    assert complaints == []


@pytest.mark.corpus
def test_numbers_of_insurers_guarantors_and_relatives_never_become_the_patients(international: CompiledPack) -> None:
    seen = 0
    for path in admissions():
        others = {
            repetition.split("^")[0]
            for name, numbers in OTHERS_NUMBERS.items()
            for segment in segments(path, name)
            for number in numbers
            if number < len(segment)
            for repetition in segment[number].split("~")
        }
        own = {
            repetition.split("^")[0]
            for pid in segments(path, "PID")
            for field in (pid + [""] * 21)[2:21]
            for repetition in field.split("~")
        }
        others -= own | {""}
        seen += len(others)
        for event in mapped(international, path.read_bytes()).events:
            for patient in resources(event.bundle, "Patient"):
                assert not others & {i.get("value") for i in patient.get("identifier", ())}, path.name
    assert seen > 100


@pytest.mark.corpus
def test_every_next_of_kin_of_a_real_message_is_kept(international: CompiledPack) -> None:
    seen = 0
    for path in admissions():
        named = [nk1 for nk1 in segments(path, "NK1") if len(nk1) > 2 and nk1[2]]
        (event,) = mapped(international, path.read_bytes()).events
        contacts = resources(event.bundle, "Patient")[0].get("contact", [])
        assert [c["name"]["family"] for c in contacts] == [n[2].split("^")[0].split("&")[0] for n in named], path.name
        seen += len(named)
    assert seen > 10


@pytest.mark.corpus
def test_every_access_restriction_of_a_real_message_flags_the_person(international: CompiledPack) -> None:
    seen = 0
    for path in admissions():
        if segments(path, "ARV"):
            (draft, *_) = restrict(mapped(international, path.read_bytes()))
            assert [flag.rule for flag in draft.flags if flag.on] == ["pds-restricted"], path.name
            seen += 1
    assert seen > 10


@pytest.mark.corpus
def test_a_real_merge_names_both_patients_and_links_them_both_ways(international: CompiledPack) -> None:
    (event,) = mapped(international, (REAL / "ADT-A40-01.hl7").read_bytes()).events
    survivor, prior = resources(event.bundle, "Patient")
    assert (event.subject, event.prior) == (survivor["id"], prior["id"])
    assert [i["value"] for i in survivor["identifier"]] == ["12345"]
    assert [i["value"] for i in prior["identifier"]] == ["56789"]
    assert [link["type"] for link in survivor["link"]] == ["replaces"]
    assert [link["type"] for link in prior["link"]] == ["replaced-by"]
    assert survivor["link"][0]["other"]["reference"].endswith(prior["id"])
    assert prior["link"][0]["other"]["reference"].endswith(survivor["id"])


def sample(name: str, pack: str = "hl7v2-itk") -> bytes:
    return (PACKS / pack / "samples" / name / "message.hl7").read_bytes()


def only(mapped: Mapped, resource_type: str) -> Any:
    (found,) = resources(mapped.events[0].bundle, resource_type)
    return found


def test_the_patient_keeps_the_id_of_the_local_number_when_an_nhs_number_turns_up(england: CompiledPack) -> None:
    both = sample("a01-admission")
    local_only = both.replace(b"9990010005^^^NHS~", b"")
    assert local_only != both
    assert only(mapped(england, both), "Patient")["id"] == only(mapped(england, local_only), "Patient")["id"]


def test_another_identifier_in_front_of_the_record_number_leaves_the_id_alone(england: CompiledPack) -> None:
    two = sample("edge-two-local-ids")
    one = two.replace(b"E-0031^^^EDREF~", b"")
    assert one != two
    assert only(mapped(england, two), "Patient")["id"] == only(mapped(england, one), "Patient")["id"]


def test_the_same_number_of_another_authority_is_another_patient(england: CompiledPack) -> None:
    here = sample("edge-two-local-ids").replace(b"E-0031^^^EDREF~", b"")
    there = here.replace(b"^^^RBD^MR", b"^^^RD3^MR")
    assert only(mapped(england, here), "Patient")["id"] != only(mapped(england, there), "Patient")["id"]


def test_a_message_with_nothing_but_an_nhs_number_has_a_person(england: CompiledPack) -> None:
    (draft,) = restrict(mapped(england, sample("edge-nhs-number-only")))
    assert draft.subject is not None
    assert (draft.subject.nhs_number, draft.subject.nhs_status, draft.subject.local) == ("9990045038", "01", ())


def test_an_nhs_number_without_a_stated_status_has_none(england: CompiledPack) -> None:
    (draft,) = restrict(mapped(england, sample("edge-nhs-number-only").replace(b"NSTS01", b"")))
    assert draft.subject is not None
    assert draft.subject.nhs_status is None


def test_the_cancelled_and_the_discharged_visit_are_the_admitted_one(england: CompiledPack) -> None:
    admitted, cancelled, discharged = (
        only(mapped(england, sample(name)), "Encounter")
        for name in ("a01-admission", "a11-admission-cancelled", "a03-discharge")
    )
    assert admitted["id"] == cancelled["id"] == discharged["id"]
    assert [visit["status"] for visit in (admitted, cancelled, discharged)] == ["in-progress", "cancelled", "finished"]


def test_a_visit_without_a_number_is_another_one_when_it_began_at_another_time(england: CompiledPack) -> None:
    body = sample("edge-visit-without-number")
    same_visit = body.replace(b"EVN||202606181405", b"EVN||202606181505")
    later = body.replace(b"||||202606181400\n", b"||||202606191400\n")
    ids = [only(mapped(england, each), "Encounter")["id"] for each in (body, same_visit, later)]
    assert ids[0] == ids[1] != ids[2]


def test_a_merge_names_the_prior_patient_by_the_id_its_own_messages_give_it(england: CompiledPack) -> None:
    merged = mapped(england, sample("a40-merge"))
    before = sample("a01-admission").replace(b"9990010005^^^NHS~4471023^^^LOCALID", b"4499871^^^LOCALID")
    assert merged.events[0].prior == only(mapped(england, before), "Patient")["id"]
    assert merged.events[0].subject == only(mapped(england, sample("a01-admission")), "Patient")["id"]


def test_a_merge_of_two_groups_is_two_events_that_share_nobody(england: CompiledPack) -> None:
    first, second = mapped(england, sample("a40-two-groups")).events
    assert len({first.subject, first.prior, second.subject, second.prior}) == 4
    assert [len(resources(event.bundle, "Patient")) for event in (first, second)] == [2, 2]


def test_a_confidential_diagnosis_leaves_the_ordinary_topic(england: CompiledPack) -> None:
    agreed = sample("edge-restricted").replace(b"ZU8||2||2", b"ZU8||1||2")
    ordinary, whole = restrict(mapped(england, agreed))
    assert (ordinary.restricted, whole.restricted) == (False, True)
    assert (b"B20" in ordinary.body, b"B20" in whole.body) == (False, True)
    assert b"J18.9" in ordinary.body


def test_a_person_who_dissents_and_hides_is_flagged_routed_and_has_no_address(england: CompiledPack) -> None:
    (draft,) = restrict(mapped(england, sample("edge-restricted")))
    assert {(flag.rule, flag.on) for flag in draft.flags} == {("location-hiding", True), ("dissent-to-share", True)}
    assert draft.restricted
    assert b"HIDDEN CLOSE" not in draft.body


@pytest.mark.parametrize("folder", sorted(PACKS.glob("hl7v2*/samples/*")), ids=lambda folder: folder.name)
def test_whoever_hides_in_zu8_is_flagged_whatever_the_message(england: CompiledPack, folder: Path) -> None:
    lines = (folder / "message.hl7").read_bytes().splitlines()
    hidden = HIDDEN.replace(b"|", lines[0].lstrip()[3:4])
    kept = [line for line in lines if not line.startswith(b"ZU8")]
    hiding = [more for line in kept for more in ((line, hidden) if line.startswith(b"PID") else (line,))]
    events = mapped(england, b"\r".join([*hiding, b""]))
    about = [draft for draft in restrict(events) if draft.subject is not None]
    assert all(("location-hiding", True) in {(flag.rule, flag.on) for flag in draft.flags} for draft in about)


def test_consent_and_no_hiding_lift_what_was_set(england: CompiledPack) -> None:
    (draft,) = restrict(mapped(england, sample("a01-admission")))
    assert {(flag.rule, flag.on) for flag in draft.flags} == {("location-hiding", False), ("dissent-to-share", False)}


def test_the_same_message_gives_the_same_bytes(england: CompiledPack) -> None:
    bodies = [restrict(mapped(england, sample("a01-admission")))[0].body for _ in range(2)]
    assert bodies[0] == bodies[1]


def test_an_impossible_birth_date_is_refused_by_its_field(england: CompiledPack) -> None:
    with pytest.raises(Unprocessable) as refused:
        mapped(england, sample("a28-new-patient").replace(b"|19790203|", b"|196513121515|"))
    wrong = errors_of(refused.value.issues)
    assert {(issue.code, issue.path) for issue in wrong} == {(Code.INVALID_DATE, "PID-7")}


def test_an_nhs_number_with_a_wrong_check_digit_is_told_by_its_component_and_left_out(england: CompiledPack) -> None:
    body = sample("a01-admission")
    right, wrong = (mapped(england, each) for each in (body, body.replace(b"9990010005", b"9990010006")))
    assert [(i.code, i.path) for i in wrong.issues if i not in right.issues] == [(Code.INVALID_NHS_NUMBER, "PID-3.1")]
    patient, spoilt = (only(each, "Patient") for each in (right, wrong))
    assert spoilt["identifier"] == [each for each in patient["identifier"] if each["value"] != "9990010005"]
    assert spoilt["id"] == patient["id"], "it is that of the sender's own number"
    assert "9990010006" not in str(wrong)


@pytest.mark.parametrize("placeholder", [b"9990045039", b"9999999999"])
def test_a_number_that_cannot_be_right_makes_no_two_people_one(england: CompiledPack, placeholder: bytes) -> None:
    body = sample("edge-nhs-number-only").replace(b"9990045038", placeholder)
    name = next(line for line in body.splitlines() if line.startswith(b"PID")).split(b"|")[5].partition(b"^")[0]
    ids = {only(mapped(england, body.replace(name, own)), "Patient")["id"] for own in (name, b"SOMEBODY")}
    assert len(ids) == 2


@pytest.mark.parametrize(("trigger", "status"), STATUS.items())
def test_every_trigger_of_the_itk_set_says_what_the_visit_is_now(
    england: CompiledPack, trigger: str, status: str
) -> None:
    body = sample("a02-transfer").replace(b"ADT^A02^ADT_A02", f"ADT^{trigger}^ADT_{trigger}".encode())
    assert only(mapped(england, body), "Encounter")["status"] == status


def test_an_update_of_a_visit_that_has_ended_says_so(england: CompiledPack) -> None:
    body = sample("a03-discharge").replace(b"ADT^A03^ADT_A03", b"ADT^A08^ADT_A01")
    assert only(mapped(england, body), "Encounter")["status"] == "finished"


def test_half_a_merge_is_refused(england: CompiledPack) -> None:
    with pytest.raises(Unprocessable) as refused:
        mapped(england, sample("a40-merge").partition(b"MRG|")[0])
    assert {(issue.code, issue.path) for issue in errors_of(refused.value.issues)} == {(Code.MISSING_FIELD, "MRG")}


def test_two_results_that_nothing_names_apart_are_both_there(england: CompiledPack) -> None:
    result = b"OBX|%d|NM|8867-4^Heart rate^LN||%d|/min|||||F|||202607011200\r"
    body = sample("a01-admission").rstrip(b"\r\n") + b"\r"
    made = mapped(england, body + result % (1, 60) + result % (2, 90))

    found = [r for r in resources(made.events[0].bundle, "Observation") if r["code"]["coding"][0]["code"] == "8867-4"]
    assert [r["valueQuantity"]["value"] for r in found] == [60, 90]
    assert len({r["id"] for r in found}) == 2
    assert Code.DUPLICATE_RESOURCE not in {issue.code for issue in made.issues}


@pytest.mark.parametrize(("security", "restricted"), [("R", True), ("V", True), ("N", False), ("", False)])
@pytest.mark.parametrize("field", [8, 26])
def test_a_message_that_its_header_restricts_goes_to_the_restricted_topic(
    international: CompiledPack, field: int, security: str, restricted: bool
) -> None:
    header, *rest = sample("a03-discharge", "hl7v2").decode().splitlines()
    fields = [*header.split("|"), *[""] * 30]
    fields[field - 1] = security
    (draft,) = restrict(mapped(international, "\r".join(["|".join(fields), *rest]).encode()))
    assert draft.restricted is restricted
