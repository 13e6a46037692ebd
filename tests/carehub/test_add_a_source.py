"""docs/add-a-source.md, done as it is written: every file, every command, in its order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mappings.validation import check_reference
from tests.carehub.conftest import Cli
from tests.carehub.pages import files_of, follow

TEXT = (Path(__file__).parent.parent.parent / "docs" / "add-a-source.md").read_text(encoding="utf-8")

PATIENT = {
    "resourceType": "Patient",
    "identifier": [
        {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9000000009"},
        {"system": "urn:carehub:identifiers:preview", "value": "P77"},
    ],
    "name": [{"family": "Example", "given": ["Anna"]}],
    "birthDate": "1970-01-31",
    "gender": "female",
    "address": [{"postalCode": "DT1 1AA"}],
    "telecom": [{"system": "phone", "value": "01632 960001"}],
    "generalPractitioner": [
        {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "J81010"}}
    ],
}
APPOINTMENT = {
    "resourceType": "Appointment",
    "identifier": [{"system": "urn:carehub:identifiers:preview:appointment", "value": "A1001"}],
    "status": "booked",
    "reasonCode": [{"text": "Knee pain"}],
    "start": "2026-02-05T09:30:00+00:00",
    "end": "2026-02-05T10:00:00+00:00",
    "created": "2026-01-28",
    "participant": [
        {"actor": {"reference": "the patient"}, "status": "accepted"},
        {
            "actor": {
                "identifier": {"system": "urn:carehub:identifiers:preview:clinician", "value": "C12"},
                "display": "Sam Sample",
            },
            "status": "accepted",
        },
        {"actor": {"display": "West Street"}, "status": "accepted"},
    ],
}


@pytest.fixture
def told(hub: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Follows the page in an empty folder; gives what each command printed."""
    monkeypatch.chdir(tmp_path)
    return follow(TEXT, hub, monkeypatch)


def test_every_step_works_and_the_first_row_becomes_what_is_promised(told: list[tuple[str, str]], hub: Cli) -> None:
    booked, cancelled = map(json.loads, next(t for c, t in told if "preview" in c).splitlines())

    assert (booked["event"], booked["topic"]) == ("appointment-booked-1", "care.qvv.community.v1")
    assert cancelled["event"] == "appointment-cancelled-1"
    assert [(line["ok"], line["issues"], line["unmapped"]) for line in (booked, cancelled)] == [(True, [], [])] * 2
    made = {entry["resource"]["resourceType"]: entry for entry in booked["bundle"]["entry"]}
    patient = made["Patient"]["fullUrl"]
    assert named(made["Patient"]["resource"], patient) == PATIENT
    assert named(made["Appointment"]["resource"], patient) == APPOINTMENT
    assert check_reference(booked["bundle"]) == ()
    assert hub.json("packs", "lint", "physio") == {"ok": True, "problems": []}
    assert not [file for file, text in files_of(TEXT) if file.endswith(".yaml") and Path(file).read_text() != text]
    assert hub.json("sources", "show", "west-physio")["packs"] == ["physio"]


def test_the_mistake_shown_is_what_lint_says(told: list[tuple[str, str]], hub: Cli) -> None:
    template = Path("packs/physio/templates/Patient.yaml")
    template.write_text(template.read_text().replace("birthDate", "birthdate"))

    assert hub.run("packs", "lint", "physio", code=1) in TEXT


def test_a_source_of_twenty_columns_takes_sixty_lines() -> None:
    files = {file: text.splitlines() for file, text in files_of(TEXT)}
    mapping = [
        line for file, lines in files.items() if file.endswith(".yaml") and "samples" not in file for line in lines
    ]

    assert len(files["appointments.csv"][0].split(",")) == 20
    assert len(mapping) <= 60
    assert max(map(len, mapping)) <= 100


def named(resource: dict[str, Any], patient: str) -> dict[str, Any]:
    """Without its id, which the hub's key makes of the sender's identifiers."""
    found = json.loads(json.dumps(resource).replace(patient, "the patient"))
    return {name: value for name, value in found.items() if name != "id"}
