"""The restrict stage on synthetic events: what is removed, what is routed, which flags change, who it is about."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from mappings.restriction import restrict, rule_routes, withhold
from mappings.stages import Draft, FlagChange, Mapped, MappedEvent, PersonIdentity

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CAREHUB = "urn:carehub:restriction"


def label(system: str, code: str) -> dict[str, Any]:
    return {"meta": {"security": [{"system": system, "code": code}]}}


def patient(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "text": {"status": "generated", "div": "<div>lives at 1 Made-up Road</div>"},
        "identifier": [
            {
                "extension": [
                    {
                        "url": "https://fhir.nhs.uk/R4/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
                        "valueCodeableConcept": {"coding": [{"code": "number-present-and-verified"}]},
                    }
                ],
                "system": "https://fhir.nhs.uk/Id/nhs-number",
                "value": "9000000009",
            },
            {"system": "urn:example:mrn", "value": "M1"},
        ],
        "name": [{"family": "Synthetic"}],
        "address": [{"line": ["1 Made-up Road"], "postalCode": "ZZ99 1AA"}],
        "telecom": [{"system": "phone", "value": "01632960001"}],
        "contact": [
            {"name": {"family": "Kin"}, "address": {"line": ["2 Made-up Road"]}},
            {"relationship": [{"text": "self"}], "telecom": [{"system": "phone", "value": "01632960002"}]},
        ],
        "generalPractitioner": [{"reference": "urn:uuid:gp"}],
        **more,
    }


def event(*resources: dict[str, Any], subject: str | None = "p1", **header: Any) -> MappedEvent:
    entries = [{"fullUrl": "urn:uuid:header", "resource": {"resourceType": "MessageHeader", "id": "h", **header}}]
    entries += [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in resources]
    bundle = {"resourceType": "Bundle", "type": "message", "entry": entries}
    return MappedEvent("patient-admitted-1", datetime(2026, 1, 1, tzinfo=UTC), bundle, subject)


RESTRICTED = label(CONFIDENTIALITY, "R")
GP = {"resourceType": "Organization", "id": "gp", "name": "Surgery of nobody"}


def one(mapped_event: MappedEvent) -> Draft:
    (draft,) = restrict(Mapped((mapped_event,)))
    return draft


def types(draft: Draft) -> list[str]:
    return [entry["resource"]["resourceType"] for entry in orjson.loads(draft.body)["entry"]]


def test_an_unlabelled_event_passes_as_it_is() -> None:
    given = event(patient(), GP)
    draft = one(given)
    assert orjson.loads(draft.body) == given.bundle
    assert (draft.restricted, draft.redacted, draft.flags) == (False, (), ())


def test_the_person_is_read_from_the_subject_patient() -> None:
    draft = one(event(patient(), GP))
    assert draft.subject == PersonIdentity("9000000009", "01", (("urn:example:mrn", "M1"),))
    assert draft.prior is None


def test_a_status_outside_the_english_list_never_counts_as_verified() -> None:
    given = patient()
    given["identifier"][0]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] = "UNK"
    subject = one(event(given, GP)).subject
    assert subject is not None
    assert subject.nhs_status == "UNK"


@pytest.mark.parametrize(("system", "code", "rule"), [
    (CAREHUB, "location-hiding", "location-hiding"),
    (CONFIDENTIALITY, "R", "pds-restricted"),
    ("http://hl7.org/fhir/v3/Confidentiality", "R", "pds-restricted"),
])  # fmt: skip
def test_a_hidden_person_s_whereabouts_never_leave(system: str, code: str, rule: str) -> None:
    home = {"resourceType": "Location", "id": "home", "name": "Ward 1", "address": {"postalCode": "ZZ99 1AA"}}
    draft = one(event(patient(**label(system, code)), GP, home))
    for secret in (b"Made-up", b"ZZ99", b"0163296", b"Surgery of nobody"):
        assert secret not in draft.body
    assert draft.redacted == (rule,)
    assert draft.flags == (FlagChange(rule, on=True),)
    assert not draft.restricted
    assert types(draft) == ["MessageHeader", "Patient", "Location"]


def test_a_practice_that_the_event_needs_otherwise_stays() -> None:
    draft = one(event(patient(**label(CONFIDENTIALITY, "R")), GP, sender={"reference": "urn:uuid:gp"}))
    assert types(draft) == ["MessageHeader", "Patient", "Organization"]
    assert "generalPractitioner" not in orjson.loads(draft.body)["entry"][1]["resource"]


@pytest.mark.parametrize(("system", "code", "rule"), [
    (CAREHUB, "location-shown", "location-hiding"),
    (CAREHUB, "consent-to-share", "dissent-to-share"),
    (CONFIDENTIALITY, "U", "pds-restricted"),
])  # fmt: skip
def test_a_label_lifts_its_flag_and_removes_nothing(system: str, code: str, rule: str) -> None:
    given = event(patient(**label(system, code)), GP)
    draft = one(given)
    assert draft.flags == (FlagChange(rule, on=False),)
    assert orjson.loads(draft.body) == given.bundle


def test_dissent_sends_the_event_to_the_restricted_topic() -> None:
    draft = one(event(patient(**label(CAREHUB, "dissent-to-share")), GP))
    assert (draft.restricted, draft.flags) == (True, (FlagChange("dissent-to-share", on=True),))


def test_a_label_on_somebody_else_sets_no_flag_on_the_person() -> None:
    mother = {**patient(**label(CAREHUB, "location-hiding")), "id": "mother"}
    draft = one(event(patient(), mother, GP))
    assert draft.flags == ()
    assert b"Made-up" not in draft.body


def test_whom_the_event_is_about_stays_when_only_what_goes_points_to_them() -> None:
    """Else the event would lose its person's key, and with it its place among their events."""
    mother = {"resourceType": "Patient", "id": "p2", "name": [{"family": "Mother"}]}
    about = {"subject": {"reference": "urn:uuid:p1"}, "asserter": {"reference": "urn:uuid:p2"}}
    diagnosis = {"resourceType": "Condition", "id": "c1", **RESTRICTED, **about}
    ordinary, whole = restrict(Mapped((event(patient(), mother, GP, diagnosis, focus=[{"reference": "urn:uuid:c1"}]),)))
    assert types(ordinary) == ["MessageHeader", "Patient", "Organization"]
    assert types(whole) == ["MessageHeader", "Patient", "Patient", "Organization", "Condition"]
    assert ordinary.subject == whole.subject is not None
    assert b"Mother" not in ordinary.body


def test_a_confidential_diagnosis_goes_out_only_on_the_restricted_topic() -> None:
    secret = {"resourceType": "Condition", "id": "c1", "code": {"text": "private matter"}, **RESTRICTED}
    open_one = {"resourceType": "Condition", "id": "c2", "code": {"text": "fracture"}}
    encounter = {
        "resourceType": "Encounter",
        "id": "e1",
        "text": {"status": "generated", "div": "<div>private matter</div>"},
        "diagnosis": [
            {"condition": {"reference": "urn:uuid:c1"}, "rank": 1},
            {"condition": {"reference": "Condition/c2"}, "rank": 2},
        ],
        "reasonReference": [{"reference": "Condition/c1"}],
    }
    trail = {"resourceType": "Provenance", "id": "t1", "target": [{"reference": "Condition/c1"}]}
    given = event(patient(), GP, encounter, secret, open_one, trail, focus=[{"reference": "Condition/c1"}])
    ordinary, whole = restrict(Mapped((given,)))
    assert (ordinary.restricted, ordinary.redacted) == (False, ("confidential-diagnosis",))
    assert (whole.restricted, whole.redacted) == (True, ())
    assert orjson.loads(whole.body) == given.bundle
    assert b"private matter" not in ordinary.body
    assert b"c1" not in ordinary.body
    left = orjson.loads(ordinary.body)["entry"]
    assert left[3]["resource"]["diagnosis"] == encounter["diagnosis"][1:]
    assert types(ordinary) == ["MessageHeader", "Patient", "Organization", "Encounter", "Condition"]


@pytest.mark.parametrize("resource", [
    {"resourceType": "Composition", "id": "x", "confidentiality": "V"},
    {"resourceType": "DocumentReference", "id": "x", "securityLabel": [{"coding": RESTRICTED["meta"]["security"]}]},
    {"resourceType": "Encounter", "id": "x", **RESTRICTED},
])  # fmt: skip
def test_a_confidential_record_is_held_apart_whole(resource: dict[str, Any]) -> None:
    given = event(patient(), GP, resource)
    draft = one(given)
    assert draft.restricted
    assert orjson.loads(draft.body) == given.bundle


def test_a_normal_document_is_not_held_apart() -> None:
    assert not one(event(patient(), GP, {"resourceType": "Composition", "id": "x", "confidentiality": "N"})).restricted


def test_withholding_is_pure_and_done_once() -> None:
    bundle = event(patient(), GP).bundle
    before = copy.deepcopy(bundle)
    once = withhold(bundle, {"location-hiding", "dissent-to-share"})
    assert bundle == before
    assert "address" not in once["entry"][1]["resource"]
    assert once["entry"][1]["resource"]["contact"] == [{"name": {"family": "Kin"}}]
    assert withhold(once, {"location-hiding"}) is once
    assert withhold(bundle, {"dissent-to-share"}) is bundle


def test_withholding_reaches_contained_and_wrapped_resources() -> None:
    related = {"resourceType": "RelatedPerson", "id": "r", "address": [{"postalCode": "ZZ99 1AA"}]}
    inner = {"resourceType": "Bundle", "id": "b", "type": "collection", "entry": [{"resource": patient(id="p2")}]}
    contained = {"resourceType": "Encounter", "id": "e", "contained": [related]}
    text = orjson.dumps(withhold(event(contained, inner).bundle, {"pds-restricted"}))
    assert b"ZZ99" not in text
    assert b"Made-up" not in text


def test_only_person_rules_can_be_flags() -> None:
    assert rule_routes("dissent-to-share")
    assert not rule_routes("location-hiding")
    for name in ("confidential-diagnosis", "a-rule-of-yesterday"):
        with pytest.raises(ValueError, match=name):
            withhold(event(patient()).bundle, {name})
