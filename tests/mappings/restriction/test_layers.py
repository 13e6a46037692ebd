"""Restriction rules of a layer: more may be held apart than the nation says, never less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mappings.language import Locality, PackError, load_pack
from mappings.restriction import RuleMistake, laid_over, national, restrict
from mappings.stages import Mapped
from tests.mappings.language.folders import HL7, write_pack
from tests.mappings.restriction.test_restrict import CONFIDENTIALITY, event, label, patient

CLINIC = """\
systems:
  specialty: [urn:example:specialty]
rules:
  - name: sexual-health-clinic
    scope: event
    found:
      - at: Encounter.serviceType
        is: ["specialty|360"]
    action: route
    source: "decision of the trust"
"""
WHOLE = """\
rules:
  - name: confidential-diagnosis
    scope: event
    action: route
    source: "decision of the trust"
"""
MORE = """\
rules:
  - name: confidential-diagnosis
    found:
      - at: Observation.meta.security
        is: ["confidentiality|M"]
    source: "decision of the trust"
"""
WEAKER = WHOLE.replace("diagnosis", "record").replace("event", "element").replace("route", "redact")
REDACTS = MORE.replace("confidential-diagnosis", "dissent-to-share").replace(
    "    found:", "    action: redact\n    found:"
)


def encounter(code: str) -> dict[str, Any]:
    coding = {"system": "urn:example:specialty", "code": code}
    return {"resourceType": "Encounter", "id": "e1", "serviceType": {"coding": [coding]}}


def diagnosis(code: str = "R", kind: str = "Condition") -> dict[str, Any]:
    return {"resourceType": kind, "id": "c1", **label(CONFIDENTIALITY, code)}


def routed(text: str | None, *resources: dict[str, Any]) -> list[bool]:
    """Of each draft, whether it goes to the restricted topic."""
    book = laid_over(national(), text, "trust/restriction.yaml") if text else national()
    return [draft.restricted for draft in restrict(Mapped((event(patient(), *resources),)), book)]


def test_a_rule_of_its_own_holds_where_the_layer_does() -> None:
    assert routed(CLINIC, encounter("360")) == [True]
    assert routed(CLINIC, encounter("300")) == [False]
    assert routed(None, encounter("360")) == [False]


def test_an_element_rule_may_become_one_of_the_whole_event() -> None:
    assert routed(None, diagnosis()) == [False, True]
    assert routed(WHOLE, diagnosis()) == [True]


def test_more_may_count_for_a_rule() -> None:
    assert routed(None, diagnosis("M", "Observation")) == [False]
    assert routed(MORE, diagnosis("M", "Observation")) == [False, True]


def test_naming_a_type_takes_nothing_away_from_what_holds_for_every_type() -> None:
    assert routed(None, diagnosis("R", "Observation")) == [True]
    assert routed(MORE, diagnosis("R", "Observation")) == [True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WEAKER, "would be weaker, and a layer may only be stricter"),
        (REDACTS, "would be weaker"),
        (WHOLE.replace("    scope: event\n    action: route\n", ""), "changes nothing of confidential-diagnosis"),
        (MORE.replace("confidential-diagnosis", "pds-restricted").replace("found", "lifted"), "make it weaker"),
        (MORE.replace("Observation", "Condition").replace("|M", "|R"), "changes nothing"),
        (CLINIC.replace("scope: event", "scope: person"), "person rules are national"),
        (CLINIC.replace("  specialty:", "  confidentiality:"), "says what confidentiality stands for"),
        (CLINIC.replace("specialty|", "specialities|"), "no system named 'specialities'"),
    ],
)
def test_what_is_weaker_or_wrong_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(RuleMistake, match=rf"trust/restriction\.yaml:\d+: .*{said}"):
        laid_over(national(), text, "trust/restriction.yaml")


def test_a_pack_carries_the_rules_of_its_layers(tmp_path: Path) -> None:
    write_pack(tmp_path, HL7)
    manifest = 'overlay: mine 1.x\nplace: trust\nversion: "1"\nlanguage: 1\n'
    write_pack(tmp_path, {"pack.yaml": manifest, "restriction.yaml": CLINIC}, "trust")

    assert "sexual-health-clinic" in load_pack("mine", [tmp_path], locality=Locality(("trust",))).rules.rules
    assert "sexual-health-clinic" not in load_pack("mine", [tmp_path]).rules.rules
    (tmp_path / "trust" / "restriction.yaml").write_text(CLINIC.replace("event", "person"))
    with pytest.raises(PackError, match=r"trust/restriction\.yaml:5:12  a person's flag"):
        load_pack("mine", [tmp_path], locality=Locality(("trust",)))
