from __future__ import annotations

from typing import Any

import pytest

from mappings.validation.reference import check_reference
from tests.mappings.validation.bundle import BUNDLE, with_fault


def test_a_valid_bundle_passes() -> None:
    assert check_reference(BUNDLE) == ()


@pytest.mark.parametrize(
    ("place", "value", "path", "words"),
    [
        ("entry.3.resource.status", None, "Bundle.entry[3].resource.status", "required"),
        ("entry.1.resource.birthdate", "1970", "Bundle.entry[1].resource.birthdate", "no such element"),
        (
            "entry.1.resource.name.0.Smith",
            "x",
            "Bundle.entry[1].resource.name[0]",
            "no such element",
        ),  # a name of a person
        ("entry.1.resource.birthDate", "1970-13-01", "Bundle.entry[1].resource.birthDate", "not one that"),
        ("entry.3.resource.valueString", "x", "Bundle.entry[3].resource", "only one"),
        ("entry.1.resource.resourceType", "X", "Bundle.entry[1].resource.resourceType", "no resource"),
        ("entry.1.resource.name", {"family": "SECRET"}, "Bundle.entry[1].resource.name", "list is expected"),
        ("entry.0.resource.source.endpoint", 5, "Bundle.entry[0].resource.source.endpoint", "another type"),
    ],
)
def test_an_issue_names_the_place_and_no_value(place: str, value: Any, path: str, words: str) -> None:
    (issue,) = check_reference(with_fault(place, value))
    assert issue.path == path
    assert words in issue.text


@pytest.mark.parametrize("junk", [None, 5, [], {}, {"resourceType": "Nothing"}])
def test_what_is_no_resource_is_said_to_be_none(junk: object) -> None:
    (issue,) = check_reference(junk)
    assert issue.path == "resourceType"


def test_elements_that_are_only_called_like_a_resource_are_none() -> None:
    event = {
        "resourceType": "AdverseEvent",
        "actuality": "actual",
        "subject": {"display": "x"},
        "outcome": {"text": "x"},
    }
    assert check_reference(event) == ()
    parameters = {"parameter": [{"name": "x", "resource": {"resourceType": "Nothing"}}]}
    (issue,) = check_reference({"resourceType": "Parameters", **parameters})
    assert issue.path == "Parameters.parameter[0].resource.resourceType"


def test_depth_does_not_break_it() -> None:
    extension: dict[str, Any] = {"url": "u", "valueString": "x"}
    for _ in range(240):
        extension = {"url": "u", "extension": [extension]}
    assert isinstance(check_reference({"resourceType": "Patient", "extension": [extension]}), tuple)


def test_a_required_choice_may_say_why_it_is_absent() -> None:
    given: dict[str, Any] = {"resourceType": "MedicationAdministration", "status": "completed"}
    given |= {"medicationCodeableConcept": {"text": "Insulin"}, "subject": {"display": "Nobody"}}
    reason = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert check_reference(given)
    assert check_reference(given | {"_effectiveDateTime": {"id": "x"}})
    assert check_reference(given | {"_effectiveDateTime": {"extension": [reason]}}) == ()
