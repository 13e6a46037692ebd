"""docs/adapt-locally.md, done as it is written: every file, every command, in its order."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from mappings.language.folder import BUILT_IN
from mappings.validation import check_reference
from tests.carehub.conftest import Cli
from tests.carehub.pages import files_of, follow, write_files

PAGE = Path(__file__).parent.parent.parent / "docs" / "adapt-locally.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture
def told(hub: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Follows the page in an empty folder, where somebody has put version 1.1.0; gives what each command printed."""
    monkeypatch.chdir(tmp_path)
    newer = tmp_path / "packs" / "hl7v2-itk@1.1.0"
    shutil.copytree(BUILT_IN / "hl7v2-itk", newer)
    for file, old, new in (
        ("pack.yaml", 'version: "1.0.0"', 'version: "1.1.0"'),
        ("codes/administrative-gender.csv", ",female,", ",other,"),
    ):
        text = (newer / file).read_text()
        assert old in text
        (newer / file).write_text(text.replace(old, new))
    return follow(TEXT, hub, monkeypatch)


@pytest.mark.slow
def test_every_step_works_and_the_message_becomes_what_is_promised(told: list[tuple[str, str]], hub: Cli) -> None:
    before, after = (json.loads(said) for command, said in told if " preview " in command)
    assert (before["topic"], after["topic"]) == ("care.qvv.acute.v1", "care.qvv.acute.restricted.v1")
    assert "ZFR-2" in before["unmapped"]
    assert "ZFR-2" not in after["unmapped"]
    assert (ward(before).get("alias"), ward(after)["alias"]) == (None, ["Acute Frailty Unit"])
    assert check_reference(after["bundle"]) == ()
    shown = next(said for command, said in told if " show " in command and "--changed" in command)
    assert re.search(r"^qvv 1 +3 │   alias:$", shown, re.MULTILINE)
    first, second = (said for command, said in told if " diff " in command)
    assert first.startswith(next(text for text in TEXT.split("```\n") if text.startswith("admission.hl7 message")))
    assert "Patient.gender\n    - female\n    + other\n" in second
    assert hub.json("places", "show", "qvv")["runs"] == {"hl7v2-itk": "1.1.0"}
    assert hub.json("packs", "lint", "dorset") == {"ok": True, "problems": []}
    assert hub.json("packs", "test", "dorset")["ok"]
    layers = next(said for command, said in told if command.endswith("datatypes/PL/Location"))
    shown = [line for line in TEXT.splitlines() if " │ " in line]
    assert len(shown) == 2
    assert {steady(line) for line in shown} <= {steady(line) for line in layers.splitlines()}


@pytest.fixture
def files(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files of the page, in place, without its commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAREHUB_PACKS", "packs")
    write_files(TEXT)
    return dict(files_of(TEXT))


def test_the_mistake_shown_is_what_lint_says(files: dict[str, str], cli: Cli) -> None:
    changes = Path("packs/dorset/changes.yaml")
    changes.write_text(changes.read_text().replace(".extension:", ".extensions:"))

    assert steady(cli.run("packs", "lint", "dorset", code=1)) in steady(TEXT)


def test_the_layout_is_the_houses_and_lines_are_short(files: dict[str, str], cli: Cli) -> None:
    yaml = [text for file, text in files.items() if file.endswith(".yaml")]
    assert len(yaml) == 4
    assert max(len(line) for text in yaml for line in text.splitlines()) <= 100
    assert cli.json("packs", "fmt", "dorset", "--check") == {"ok": True, "files": []}


def steady(text: str) -> str:
    """Without the numbers of lines in national packs, which change with them."""
    return re.sub(r" +\d+ │|(?<=/ADT\.yaml):\d+", "", text)


def ward(line: dict[str, Any]) -> dict[str, Any]:
    resources = [entry["resource"] for entry in line["bundle"]["entry"]]
    return next(each for each in resources if each["resourceType"] == "Location" and each["name"] == "W12")
