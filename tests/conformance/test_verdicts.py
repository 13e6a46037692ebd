"""Whose fault a verdict is, and how heavy it weighs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.verdicts import ERROR, REMARK, WARNING, Acceptance, Verdict, read_accepted, sort_out, weighed

PATH = "Bundle.entry[3].resource/*Patient/0b9d3f2e-0000-8000-8000-000000000001*/.identifier[1].type"
VERDICT = Verdict(
    "pack/sample#0", "hapi", WARNING, "code", PATH, "urn:uuid:0b9d3f2e-0000-8000-8000-000000000001 is odd"
)


def accepting(message: str, *, errors: bool = False) -> Acceptance:
    return Acceptance(re.compile(message), re.compile("^Patient"), re.compile("^pack/"), "a reason", errors)


def test_a_place_is_the_path_from_the_resource_on() -> None:
    assert VERDICT.place == "Patient.identifier.type"


@pytest.mark.parametrize(
    "message",
    [
        "Unknown extension https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-Nothing",
        "Unknown extension http://hl7.org/fhir/StructureDefinition/patient-nothing",
        "Profile reference 'https://fhir.hl7.org.uk/StructureDefinition/UKCore-X' has not been checked because",
        "CodeSystem is unknown and can't be validated: https://fhir.hl7.org.uk/CodeSystem/UKCore-X for 'x'",
        "Can't find 'urn:uuid:0b9d3f2e' in the bundle (Bundle.entry[2].resource.subject)",
    ],
)
def test_what_should_be_known_here_and_is_not_is_an_error(message: str) -> None:
    assert weighed(replace(VERDICT, severity=REMARK, message=message), uk_core=True).severity == ERROR


@pytest.mark.parametrize(
    "message",
    [
        "Unknown extension urn:carehub:deleted-element",
        "Profile reference 'https://fhir.nhs.uk/StructureDefinition/BARSMessageHeader' has not been checked because",
        "CodeSystem is unknown and can't be validated: https://fhir.hl7.org.uk/CodeSystem/UKCore-MessageEvent for 'x'",
        "Can't find 'EpisodeOfCare/0b9d3f2e' in the bundle (Bundle.entry[2].resource.episodeOfCare)",
    ],
)
def test_what_others_may_know_weighs_as_the_validator_says(message: str) -> None:
    assert weighed(replace(VERDICT, message=message), uk_core=True).severity == WARNING


@pytest.mark.parametrize(
    ("message", "severity"),
    [
        ("Unknown extension https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory", REMARK),
        ("CodeSystem is unknown and can't be validated: https://fhir.hl7.org.uk/CodeSystem/UKCore-X for 'x'", REMARK),
        ("Unknown extension http://hl7.org/fhir/StructureDefinition/patient-nothing", ERROR),
    ],
)
def test_without_uk_core_what_only_uk_core_defines_is_no_fault(message: str, severity: str) -> None:
    assert weighed(replace(VERDICT, message=message), uk_core=False).severity == severity


def test_a_warning_is_ours_unless_a_row_accepts_it() -> None:
    assert sort_out([VERDICT], {}, []).ours == [VERDICT]
    rows = [accepting("is even"), accepting("is odd")]
    assert sort_out([VERDICT], {}, rows).ours == []
    assert [row.seen for row in rows] == [0, 1]
    assert sort_out([replace(VERDICT, bundle="other/sample#0")], {}, rows).ours != []


def test_a_row_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text('- {message: "is odd", reason: "It is."}\n')
    assert [row.reason for row in read_accepted(file)] == ["It is."]
    file.write_text('- {message: "is odd"}\n')
    with pytest.raises(ValueError, match="lacks its message or its reason"):
        read_accepted(file)
    file.write_text('- {mesage: "is odd", message: "x", reason: "It is."}\n')
    with pytest.raises(ValueError, match="mesage"):
        read_accepted(file)


def test_an_error_is_accepted_only_by_a_row_that_says_so() -> None:
    error = replace(VERDICT, severity=ERROR)
    assert sort_out([error], {}, [accepting("is odd")]).ours == [error]
    assert sort_out([error], {}, [accepting("is odd", errors=True)]).ours == []


def test_what_the_sender_s_own_message_has_is_theirs_whatever_its_ids() -> None:
    sent = replace(
        VERDICT,
        bundle="as sent",
        path=PATH.replace("0b9d", "ffff"),
        message="urn:uuid:" + "f" * 8 + "-0000-8000-8000-000000000001 is odd",
    )
    found = sort_out([VERDICT], {VERDICT.bundle: [sent]}, [])
    assert (found.ours, found.theirs) == ([], [VERDICT])
    assert sort_out([VERDICT], {"another": [sent]}, []).ours == [VERDICT]
    assert sort_out([replace(VERDICT, code="other")], {VERDICT.bundle: [sent]}, []).theirs == []
