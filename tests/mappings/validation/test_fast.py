from __future__ import annotations

from typing import Any

import pytest

from contract.errors import Code
from mappings.language.fhir.model import is_resource, type_names
from mappings.validation.fast import prepare, validate
from tests.mappings.validation.bundle import BUNDLE, FAULTS, with_fault


def test_a_valid_bundle_passes() -> None:
    assert validate(BUNDLE) == ()


@pytest.mark.parametrize(("place", "value"), FAULTS.values(), ids=FAULTS.keys())
def test_every_seeded_fault_is_caught(place: str, value: Any) -> None:
    issues = validate(with_fault(place, value))
    assert issues
    assert {issue.code for issue in issues} == {Code.INVALID_FHIR}


@pytest.mark.parametrize(
    ("place", "value", "path", "words"),
    [
        ("entry.3.resource.status", None, "Bundle.entry[3].resource.status", "required"),
        ("entry.2.resource.class", None, "Bundle.entry[2].resource.class", "required"),
        ("entry.1.resource.birthdate", "1970", "Bundle.entry[1].resource.birthdate", "no such element"),
        (
            "entry.1.resource.name.0.Smith",
            "x",
            "Bundle.entry[1].resource.name[0]",
            "no such element",
        ),  # a name of a person
        ("entry.1.resource.gender", "men", "Bundle.entry[1].resource.gender", "list"),
        ("entry.1.resource.name", [], "Bundle.entry[1].resource.name", "empty list"),
        ("entry.1.resource.contained.0.active", "x", "Bundle.entry[1].resource.contained[0].active", "another type"),
        ("entry.3.resource.valueString", "x", "Bundle.entry[3].resource", "only one"),
        ("entry.1.resource.address.0.line", [None], "Bundle.entry[1].resource.address[0].line", "null"),
        ("entry.1.resource.name.0.given.0", 5, "Bundle.entry[1].resource.name[0].given[0]", "another type"),
        ("entry.1.resource.resourceType", "X", "Bundle.entry[1].resource.resourceType", "no resource"),
        (
            "entry.5.resource.parameter.2.resource.resourceType",
            "Nothing",
            "Bundle.entry[5].resource.parameter[2].resource.resourceType",
            "no resource",
        ),
    ],
)
def test_an_issue_names_the_place_and_what_is_wrong(place: str, value: Any, path: str, words: str) -> None:
    (issue,) = validate(with_fault(place, value))
    assert issue.path == path
    assert words in issue.text


@pytest.mark.parametrize(
    ("text", "valid"),
    [("x", True), (" x", True), ("\xa0 x", True), ("\r\n\u2003x", True), ("x\xa0", True), ("x\ty", True)]
    + [(text, False) for text in ("", " ", "\xa0", " \u2028\n", "\ufeff", "x\x0b", "\x1fx", "x\x00")],
)
def test_a_text_says_something_and_has_no_control_characters(text: str, valid: bool) -> None:
    assert (validate(with_fault("entry.1.resource.name.0.text", text)) == ()) is valid


ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


@pytest.mark.parametrize(
    ("effective", "valid"),
    [
        ({"effectiveDateTime": "2026-06-01"}, True),
        ({"effectiveDateTime": "2026-06-01", "_effectiveDateTime": ABSENT}, True),
        ({"_effectiveDateTime": ABSENT}, True),
        ({"_effectiveDateTime": {"id": "x"}}, False),
        ({}, False),
        ({"effectiveDateTime": "2026-06-01", "effectivePeriod": {"start": "2026-06-01"}}, False),
        ({"_effectiveDateTime": ABSENT, "effectivePeriod": {"start": "2026-06-01"}}, False),
    ],
)
def test_a_required_choice_has_one_value_or_a_reason_why_it_is_absent(effective: dict[str, Any], valid: bool) -> None:
    given = {"resourceType": "MedicationAdministration", "status": "completed"}
    given |= {"medicationCodeableConcept": {"text": "Insulin"}, "subject": {"display": "Nobody"}}
    assert (validate(given | effective) == ()) is valid


def test_no_issue_quotes_a_value_or_a_name_that_could_be_one() -> None:
    bundle = with_fault("entry.1.resource.gender", "SECRET")
    bundle["entry"][1]["resource"]["SECRET NAME"] = "SECRET"
    issues = validate(bundle)
    assert len(issues) == 2
    assert "SECRET" not in str(issues)


@pytest.mark.parametrize("junk", [None, 5, "text", [], {}, {"resourceType": 5}, {"resourceType": "HumanName"}])
def test_what_is_no_resource_is_said_to_be_none(junk: object) -> None:
    (issue,) = validate(junk)
    assert issue.path == "resourceType"


def test_resources_nested_without_end_are_refused() -> None:
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    for _ in range(60):
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": bundle}]}
    assert validate(bundle)


def test_every_resource_type_has_a_validator() -> None:
    prepare(name for name in type_names() if is_resource(name) and name not in ("Resource", "DomainResource"))
