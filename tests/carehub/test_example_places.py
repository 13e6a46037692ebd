"""docs/examples/places: one message, and what becomes of it at two places and at none."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from mappings.validation import check_reference
from tests.carehub.conftest import Cli

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent.parent.parent / "docs" / "examples" / "places"
FRAILTY = "https://harbour.example/StructureDefinition/clinical-frailty-scale"


@pytest.fixture
def places(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("CAREHUB_PACKS", str(FOLDER))
    return cli


def at(cli: Cli, place: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the message becomes there: the line of the preview, and its resources by type and name."""
    line = cli.json("preview", str(FOLDER / "admission.hl7"), "--place", place)
    resources = [entry["resource"] for entry in line["bundle"]["entry"]]
    return line, {f"{each['resourceType']} {each.get('name', '')}".strip(): each for each in resources}


def test_one_message_becomes_what_each_place_says(places: Cli) -> None:
    harbour, there = at(places, "harbour")
    moor, here = at(places, "moor")
    elsewhere, neither = at(places, "qvv")

    assert [line["event"] for line in (harbour, moor, elsewhere)] == ["patient-admitted-1"] * 3
    assert [event["topic"] for event in harbour["events"]] == ["care.harbour.acute.v1"]
    assert [event["topic"] for event in moor["events"]] == ["care.moor.acute.restricted.v1"]
    assert [event["topic"] for event in elsewhere["events"]] == ["care.qvv.acute.v1"]
    wards = [found["Location W12"].get("alias") for found in (there, here, neither)]
    assert wards == [["Acute Frailty Unit"], ["Medical Day Unit"], None]
    assert {"url": FRAILTY, "valueInteger": 6} in there["Encounter"]["extension"]
    assert FRAILTY not in json.dumps([moor, elsewhere])
    assert "ZFR-2" not in harbour["unmapped"]
    assert "ZFR-2" in moor["unmapped"]
    for line in (harbour, moor):
        assert check_reference(line["bundle"]) == ()


def test_the_examples_are_without_mistake_and_stay_small(places: Cli) -> None:
    assert places.json("packs", "lint") == {"ok": True, "problems": []}
    for place in ("harbour", "moor"):
        files = [file for file in (FOLDER / place).rglob("*") if file.is_file()]
        assert sum(len(file.read_text().splitlines()) for file in files) <= 30


def test_without_the_folder_nothing_of_it_applies(cli: Cli) -> None:
    line, resources = at(cli, "moor")
    assert line["topic"] == "care.moor.acute.v1"
    assert "alias" not in resources["Location W12"]


def test_overlays_apply_along_the_places_that_the_hub_knows(hub: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAREHUB_PACKS", str(FOLDER))
    hub.run("places", "add", "moor-north", "--parent", "moor")
    line, _ = at(hub, "moor-north")
    assert line["topic"] == "care.moor-north.acute.restricted.v1"


def test_the_commands_of_its_page_work(places: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER.parent.parent.parent)
    text = (FOLDER / "README.md").read_text().split("```sh\n")[1].split("```")[0].replace("\\\n", "")
    for command in (shlex.split(line) for line in text.splitlines() if line.startswith("carehub")):
        places.run(*command[1:], code=1 if "diff" in command else 0)
