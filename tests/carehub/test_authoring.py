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
    assert "there is no pack or overlay phsyio" in cli.both("packs", "fmt", "phsyio", code=1)[1]


def test_schema_prints_one_and_writes_all(cli: Cli, tmp_path: Path) -> None:
    shown = json.loads(cli.run("packs", "schema", "Patient"))
    assert shown["else"]["properties"]["birthDate"]["description"] == "The date of birth for the individual"

    said = cli.json("packs", "schema", "--write", str(tmp_path / "s"))
    assert said["schemas"] == len(list((tmp_path / "s").iterdir())) > 600
    assert json.loads((tmp_path / "s" / "Patient.json").read_text()) == shown


def test_schema_knows_no_type_of_that_name(cli: Cli) -> None:
    assert "there is no schema Patent" in cli.both("packs", "schema", "Patent", code=1)[1]


def test_new_makes_a_pack_in_the_first_folder_and_says_what_comes_next(cli: Cli, folder: Path) -> None:
    (folder / ".schema").mkdir()
    out, said = cli.both("packs", "new", "physio", "--format", "csv")

    assert f"{folder}/physio/pack.yaml\n" in out
    assert "carehub packs lint physio" in said
    assert cli.json("packs", "lint", "physio") == {"ok": True, "problems": []}
    assert [(s["sample"], s["ok"]) for s in cli.json("packs", "test", "physio")["samples"]] == [("a-row", True)]
    assert "already" in cli.both("packs", "new", "physio", "--format", "csv", code=1)[1]


def test_new_writes_the_schemas_that_its_files_name(cli: Cli, tmp_path: Path) -> None:
    made = cli.json("packs", "new", "physio", "--format", "hl7v2", "--in", str(tmp_path / "p"))

    assert made["folder"] == str(tmp_path / "p" / "physio")
    for file in (tmp_path / "p" / "physio").rglob("*.yaml"):
        first = file.read_text().splitlines()[0]
        if file.name != "asserts.yaml":
            assert (file.parent / first.removeprefix("# yaml-language-server: $schema=")).is_file()


def test_new_asks_for_a_folder_where_none_is_known(cli: Cli) -> None:
    assert "--in FOLDER" in cli.both("packs", "new", "physio", "--format", "csv", code=1)[1]


def test_new_codes_makes_what_a_missing_code_list_asks_for(cli: Cli, folder: Path) -> None:
    patient = HL7["segments/PID/Patient.yaml"] + "maritalStatus: PID-16[1] | code(marital)\n"
    write_pack(folder, HL7 | {"segments/PID/Patient.yaml": patient})
    assert "`carehub packs new-codes mine marital`" in cli.run("packs", "lint", "mine", code=1)

    assert cli.run("packs", "new-codes", "mine", "marital") == f"{folder}/mine/codes/marital.csv\n"

    cli.run("packs", "lint", "mine")
