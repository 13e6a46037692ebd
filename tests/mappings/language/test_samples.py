"""Samples fail when something differs, and when nothing is expected of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mappings.language.samples import accept_samples, run_samples
from tests.mappings.language.folders import FIXTURES


@pytest.fixture
def search(tmp_path: Path) -> list[Path]:
    shutil.copytree(FIXTURES / "small-acute", tmp_path / "small-acute")
    return [tmp_path]


def sample(search: list[Path]) -> Path:
    return search[0] / "small-acute" / "samples" / "a01-admission"


def test_a_difference_is_told_by_its_path(search: list[Path]) -> None:
    golden = sample(search) / "expected.json"
    golden.write_text(golden.read_text().replace('"1960-02-03"', '"1960-02-04"'))

    (result,) = run_samples("small-acute", search)

    path = "events[0].bundle.entry[1].resource.birthDate"
    assert result.differences == (f'{path}: - "1960-02-04" + "1960-02-03"',)


def test_a_sample_without_expectation_fails_until_it_is_accepted(search: list[Path]) -> None:
    (sample(search) / "expected.json").unlink()

    (before,) = run_samples("small-acute", search)
    changed = accept_samples("small-acute", search)
    (after,) = run_samples("small-acute", search)

    assert "no expectation" in before.differences[0]
    assert changed == ["a01-admission"]
    assert after.ok


def test_an_assertion_holds_against_a_golden_that_was_accepted_wrongly(search: list[Path]) -> None:
    asserts = sample(search) / "asserts.yaml"
    asserts.write_text('Patient.birthDate: "1961-01-01"\nPatient.gender: absent\nPatient.active: absent\n')

    (result,) = run_samples("small-acute", search)

    assert len(result.differences) == 2


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("Patient.birthdate", "Patient has no element birthdate; did you mean `birthDate`"),
        ("Patien.birthDate", "FHIR R4 has no resource Patien; did you mean `Patient`"),
        ("Patient.name.family", "name is a list; write `name[0]`"),
        ("Patient.gender[0]", "gender is single; leave [0] out"),
        ("Patient.gender.text", "gender is a code, which has nothing inside"),
        ("Patient.contact[0].name.famly", "HumanName has no element famly; did you mean `family`"),
        ("Patient..gender", "this is no path"),
        ("Patient.contact[5].name.family", ""),
        ("Observation[2].valueQuantity.value", ""),
        ("Patient._birthDate.extension[0].url", ""),
        ("Patient.contained[0].anything", ""),
        ("refused[0].path", ""),
    ],
)
def test_an_assertion_on_what_fhir_does_not_have_is_a_mistake(search: list[Path], path: str, said: str) -> None:
    (sample(search) / "asserts.yaml").write_text(f"{path}: absent\n")

    (result,) = run_samples("small-acute", search)

    assert [said in line for line in result.differences] == ([True] if said else [])


def test_an_event_that_is_no_fhir_fails_also_where_it_was_accepted(search: list[Path]) -> None:
    template = search[0] / "small-acute" / "segments" / "PID" / "Patient.yaml"
    template.write_text(template.read_text() + 'photo:\n  - url: "a b"\n')
    accept_samples("small-acute", search)

    (result,) = run_samples("small-acute", search)

    (said,) = result.differences
    assert said.startswith("events[0] is not FHIR R4: Bundle.entry[1].resource.photo[0].url: ")


@pytest.mark.parametrize(("resource", "differences"), [("Encounter[0]", 0), ("Encounter[1]", 1), ("Patient[0]", 1)])
def test_an_assertion_may_say_to_which_resource_a_reference_goes(
    search: list[Path], resource: str, differences: int
) -> None:
    (sample(search) / "asserts.yaml").write_text(f"MessageHeader.focus[0].reference: {resource}\n")

    (result,) = run_samples("small-acute", search)

    assert len(result.differences) == differences
