"""What the author of a pack has on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.carehub.conftest import Cli
from tests.mappings.language.folders import HL7, write_pack

UNTIDY = "takes:   PID\nresourceType: Patient\nid: identity( PID-3[1].1 )  # why\nactive: true\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packs on CAREHUB_PACKS, empty."""
    packs = tmp_path / "packs"
    packs.mkdir()
    monkeypatch.setenv("CAREHUB_PACKS", str(packs))
    return packs


def test_fmt_lists_with_check_and_writes_without(cli: Cli, folder: Path) -> None:
    write_pack(folder, HL7 | {"segments/PID/Patient.yaml": UNTIDY})
    file = folder / "mine" / "segments" / "PID" / "Patient.yaml"

    assert cli.run("packs", "fmt", "mine", "--check", code=1) == "mine/segments/PID/Patient.yaml\n"
    assert file.read_text() == UNTIDY

    cli.run("packs", "fmt", "mine")
    assert file.read_text() == UNTIDY.replace("takes:   ", "takes: ").replace("( PID-3[1].1 )  #", "(PID-3[1].1)    #")
    assert cli.json("packs", "fmt", "mine", "--check") == {"ok": True, "files": []}


def test_fmt_leaves_alone_what_it_cannot_lay_out(cli: Cli, folder: Path) -> None:
    write_pack(folder, HL7 | {"templates/X.yaml": "a: &b c\n", "templates/Y.yaml": "a: b: c\n"})

    found = cli.json("packs", "fmt", "mine", code=1)

    assert [(f["file"], f["refused"].split(":")[0]) for f in found["files"]] == [
        ("mine/templates/X.yaml", "anchors, aliases and tags are no part of the language"),
        ("mine/templates/Y.yaml", "it is no YAML"),
    ]
    assert (folder / "mine" / "templates" / "X.yaml").read_text() == "a: &b c\n"


def test_fmt_knows_no_pack_of_that_name(cli: Cli) -> None:
    assert "there is no pack phsyio" in cli.both("packs", "fmt", "phsyio", code=1)[1]


def test_schema_prints_one_and_writes_all(cli: Cli, tmp_path: Path) -> None:
    shown = json.loads(cli.run("packs", "schema", "Patient"))
    assert shown["else"]["properties"]["birthDate"]["description"] == "The date of birth for the individual"

    said = cli.json("packs", "schema", "--write", str(tmp_path / "s"))
    assert said["schemas"] == len(list((tmp_path / "s").iterdir())) > 600
    assert json.loads((tmp_path / "s" / "Patient.json").read_text()) == shown


def test_schema_knows_no_type_of_that_name(cli: Cli) -> None:
    assert "there is no schema Patent" in cli.both("packs", "schema", "Patent", code=1)[1]
