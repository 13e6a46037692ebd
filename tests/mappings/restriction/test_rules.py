"""The rules file: what is refused, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import Misconfigured
from mappings.restriction.rules import RULES_FILE, load, rules

GOOD = RULES_FILE.read_text(encoding="utf-8")


def test_the_rules_of_the_house_load_and_say_where_they_come_from() -> None:
    assert {"location-hiding", "pds-restricted", "dissent-to-share", "confidential-diagnosis"} <= rules().keys()
    assert all(rule.source for rule in rules().values())


@pytest.mark.parametrize(("good", "bad", "complaint"), [
    ("scope: event", "scope: evnt", "none of: element, event, person"),
    ('"carehub|location-shown"', '"carhub|location-shown"', "no system named 'carhub'"),
    ("- Patient.address", "- address", "write a resource type and an element"),
    ("name: pds-restricted", "name: location-hiding", "two rules named location-hiding"),
    ("    action: route\n", "    action: route\n    acton: route\n", "unknown key acton"),
    ("    lifted:\n", "    found:\n", "the key found stands here twice"),
    ("scope: element\n", "scope: event\n", "an event rule routes"),
])  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path: Path, good: str, bad: str, complaint: str) -> None:
    file = tmp_path / "rules.yaml"
    assert good in GOOD
    file.write_text(GOOD.replace(good, bad, 1), encoding="utf-8")
    with pytest.raises(Misconfigured, match=rf"rules\.yaml:[1-9][0-9]*: .*{complaint}"):
        load(file)


def test_what_is_not_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("systems: {a: [b]}\nrules: [\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"rules\.yaml:\d+: not YAML"):
        load(file)
