"""The five mistakes that new authors make, word for word as `carehub packs lint` shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.carehub.conftest import Cli
from tests.mappings.language.folders import HL7, ROWS, write_pack

PATIENT = "segments/PID/Patient.yaml"
BASE = HL7 | {"pack.yaml": HL7["pack.yaml"].replace("mine", "base")}
OVERLAY = 'pack: mine\nversion: "2.1"\nlanguage: 1\nformat: hl7v2\nextends: base 1.x\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAREHUB_PACKS", str(tmp_path))
    return tmp_path


def lint(cli: Cli) -> str:
    return cli.run("packs", "lint", "mine", code=1)


def test_a_misspelt_element(cli: Cli, folder: Path) -> None:
    name = "takes: XPN\nfamilly: XPN.1\n"
    write_pack(folder, HL7 | {PATIENT: HL7[PATIENT] + "name: PID-5\n", "datatypes/XPN/HumanName.yaml": name})

    assert (
        lint(cli)
        == """\
mine/datatypes/XPN/HumanName.yaml:2:1  HumanName has no element `familly`
2 | familly: XPN.1
  | ^^^^^^^  did you mean `family`?
  | (used by mine/segments/PID/Patient.yaml:6 ← mine/messages/ADT.yaml:7; layer mine 1.0.0)
"""
    )


def test_a_code_list_that_is_not_there(cli: Cli, folder: Path) -> None:
    write_pack(folder, HL7 | {PATIENT: HL7[PATIENT] + "gender: PID-8 | code(sex)\n"})

    assert (
        lint(cli)
        == """\
mine/segments/PID/Patient.yaml:6:22  there is no code list `sex`: no layer has codes/sex.csv
6 | gender: PID-8 | code(sex)
  |                      ^^^  `carehub packs new-codes mine sex` begins one
  | (used by mine/messages/ADT.yaml:7; layer mine 1.0.0)
"""
    )


def test_a_value_of_another_type(cli: Cli, folder: Path) -> None:
    write_pack(folder, HL7 | {PATIENT: HL7[PATIENT] + "birthDate: PID-7 | datetime\n"})

    assert (
        lint(cli)
        == """\
mine/segments/PID/Patient.yaml:6:12  Patient.birthDate is date, and this is dateTime
6 | birthDate: PID-7 | datetime
  |            ^^^^^^^^^^^^^^^^  convert it: `… | date`
  | (used by mine/messages/ADT.yaml:7; layer mine 1.0.0)
"""
    )


def test_a_loop_over_nothing(cli: Cli, folder: Path) -> None:
    template = (
        "resourceType: Patient\nid: identity(Number)\nidentifier:\n  - value: Number\n"
        "telecom:\n  - each: Telephone\n    value: Telephone\n  - each: Telefone\n    value: Telephone\n"
    )
    message = "message: row\nevent: patient-registered-1\nperson: patient\nresources:\n  patient: Patient()\n"
    fields = "message,name,type,repeats\n,table,text,\n,Number,text,\n,Telephone,text,\n"
    write_pack(folder, ROWS | {"messages/row.yaml": message, "templates/Patient.yaml": template, "fields.csv": fields})

    assert (
        lint(cli)
        == """\
mine/templates/Patient.yaml:6:11  `Telephone` is one value, so `each:` has nothing to go through
6 |   - each: Telephone
  |           ^^^^^^^^^  leave `each:` out, or name a repeating field, a segment or a list
  | (used by mine/messages/row.yaml:5; layer mine 1.0.0)
mine/templates/Patient.yaml:8:11  there is no `Telefone` here
8 |   - each: Telefone
  |           ^^^^^^^^  did you mean `Telephone`?
  | (used by mine/messages/row.yaml:5; layer mine 1.0.0)
"""
    )


def test_a_change_of_what_is_not_there(cli: Cli, folder: Path) -> None:
    write_pack(folder, BASE, "base")
    changes = (
        "segments/PID/Patient:\n  - replace: birthDate\n    with: PID-7 | date\n  - remove: identifer\n"
        "segments/PID/Patiant:\n  - remove: name\n"
    )
    write_pack(folder, {"pack.yaml": OVERLAY, "changes.yaml": changes})

    assert (
        lint(cli)
        == """\
mine/changes.yaml:2:14  `birthDate` names nothing in the layer below (base/segments/PID/Patient.yaml:1)
2 |   - replace: birthDate
  |              ^^^^^^^^^  write `add:` for what is new; there are: takes, resourceType, id, identifier
  | (layer mine 2.1)
mine/changes.yaml:4:13  `identifer` names nothing in the layer below (base/segments/PID/Patient.yaml:1)
4 |   - remove: identifer
  |             ^^^^^^^^^  did you mean `identifier`?
  | (layer mine 2.1)
mine/changes.yaml:5:1  the layers below have no file `segments/PID/Patiant`
5 | segments/PID/Patiant:
  | ^^^^^^^^^^^^^^^^^^^^  did you mean `segments/PID/Patient`?
  | (layer mine 2.1)
"""
    )


def test_programs_get_the_uses_and_the_layer_too(cli: Cli, folder: Path) -> None:
    write_pack(folder, HL7 | {PATIENT: HL7[PATIENT] + "birthdate: PID-7\n"})

    (problem,) = cli.json("packs", "lint", "mine", code=1)["problems"]

    assert (problem["file"], problem["line"], problem["column"]) == ("mine/segments/PID/Patient.yaml", 6, 1)
    assert problem["used_by"] == ["mine/messages/ADT.yaml:7"]
    assert problem["layer"] == "mine 1.0.0"
