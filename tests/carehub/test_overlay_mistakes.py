"""The mistakes that authors of an overlay make, word for word as `carehub packs lint` shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.restriction import national
from tests.carehub.conftest import Cli
from tests.mappings.language.folders import CODES_HEAD, HL7, write_pack

PATIENT = "segments/PID/Patient.yaml"
BASE = HL7 | {
    PATIENT: HL7[PATIENT] + "gender: PID-8 | code(sex-code)\nmaritalStatus:\n  text: PID-23\n",
    "codes/sex-code.csv": f"# unknown: fixed unknown\n{CODES_HEAD}M,,,male,,t,yes\n",
}
MANIFEST = 'place: dorset\noverlay: mine 1.x\nversion: "2"\nlanguage: 1\n'
CHANGE = "segments/PID/Patient:\n  - replace: maritalStatus\n    with:\n      text: PID-4[1].1\n"
WEAKER = """\
rules:
  - name: confidential-record
    scope: element
    action: redact
    source: "decision of the trust"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAREHUB_PACKS", str(tmp_path))
    write_pack(tmp_path, BASE)
    return tmp_path


def lint(cli: Cli, name: str = "dorset") -> str:
    return cli.run("packs", "lint", name, code=1)


def test_a_field_that_is_not_there(cli: Cli, folder: Path) -> None:
    changes = CHANGE.replace("maritalStatus", "maritalstatus")
    write_pack(folder, {"pack.yaml": MANIFEST, "changes.yaml": changes}, "dorset")

    assert (
        lint(cli)
        == """\
dorset/changes.yaml:2:14  `maritalstatus` names nothing in the layer below (mine/segments/PID/Patient.yaml:1)
2 |   - replace: maritalstatus
  |              ^^^^^^^^^^^^^  did you mean `maritalStatus`?
  | (layer dorset 2)
"""
    )


def test_a_source_field_that_is_not_there(cli: Cli, folder: Path) -> None:
    write_pack(folder, {"pack.yaml": MANIFEST, "changes.yaml": CHANGE.replace("PID-4[1].1", "ZDR-3")}, "dorset")

    assert (
        lint(cli)
        == """\
dorset/changes.yaml:4:13  there is no `ZDR-3` here
4 |       text: ZDR-3
  |             ^^^^^  a segment of your own is declared in fields.csv, a row for each field: ZDR,1,Name,ST,no
  | (used by mine/segments/PID/Patient.yaml:7 ← mine/messages/ADT.yaml:7; layer dorset 2)
"""
    )


def test_a_pack_that_is_not_there(cli: Cli, folder: Path) -> None:
    write_pack(folder, {"pack.yaml": MANIFEST.replace("mine", "mime"), "changes.yaml": CHANGE}, "dorset")

    assert (
        lint(cli)
        == """\
dorset/pack.yaml:2:10  there is no pack `mime` to lie over
2 | overlay: mime 1.x
  |          ^^^^^^^^  did you mean `mine`?
"""
    )


def test_a_version_that_is_not_the_one_that_runs(cli: Cli, folder: Path) -> None:
    write_pack(folder, {"pack.yaml": MANIFEST.replace("1.x", "2.x"), "changes.yaml": CHANGE}, "dorset")

    assert (
        lint(cli)
        == """\
dorset/pack.yaml:2:10  the overlay of place dorset is for mine 2.x, and here runs 1.0.0
2 | overlay: mine 2.x
  |          ^^^^^^^^  to adopt it, write `overlay: mine 1.x`; to stay with another: \
carehub places pin PLACE mine VERSION
"""
    )


def test_versions_that_are_none(cli: Cli, folder: Path) -> None:
    write_pack(folder, {"pack.yaml": MANIFEST.replace("1.x", ">=1"), "changes.yaml": CHANGE}, "dorset")

    assert (
        lint(cli)
        == """\
dorset/pack.yaml:2:10  `>=1` names no versions
2 | overlay: mine >=1
  |          ^^^^^^^^  write `overlay: mine 1.x`, `1.2.x` or `1.2.3`
"""
    )


def test_a_looser_restriction(cli: Cli, folder: Path) -> None:
    write_pack(folder, {"pack.yaml": MANIFEST, "restriction.yaml": WEAKER}, "dorset")

    below = national().rules["confidential-record"].place
    assert (
        lint(cli)
        == f"""\
dorset/restriction.yaml:3:12  confidential-record is event, route in {below}; element, redact would be weaker, \
and a layer may only be stricter
3 |     scope: element
  |            ^^^^^^^  leave the rule out, or say under `found:` what else counts for it
"""
    )


def test_two_overlays_of_one_place_that_touch_the_same_line(cli: Cli, folder: Path) -> None:
    write_pack(folder, {"pack.yaml": MANIFEST, "changes.yaml": CHANGE}, "dorset")
    other = "segments/PID/Patient:\n  - remove: maritalStatus\n"
    write_pack(folder, {"pack.yaml": MANIFEST, "changes.yaml": other}, "dorset-too")

    assert (
        lint(cli)
        == """\
dorset-too/changes.yaml:2:13  `maritalStatus` is changed in dorset/changes.yaml:2 too: the folders dorset and \
dorset-too are both the overlay of place dorset for mine 1.0.0
2 |   - remove: maritalStatus
  |             ^^^^^^^^^^^^^  a place or source has one overlay of a pack: put both into one folder, and \
say there which is meant
"""
    )
    assert lint(cli, "dorset-too") == lint(cli)


def test_a_code_list_that_nothing_uses(cli: Cli, folder: Path) -> None:
    rows = f"{CODES_HEAD}F,,,female,,t,yes\n"
    write_pack(folder, {"pack.yaml": MANIFEST, "codes/sex_code.csv": rows}, "dorset")

    said = cli.run("packs", "lint", "dorset")
    assert "dorset/codes/sex_code.csv:1:1  warning: no template uses the code list sex_code" in said
    assert "did you mean `sex-code`?" in said


def test_an_overlay_is_checked_by_its_folder_or_as_its_place_runs_it(cli: Cli, folder: Path) -> None:
    write_pack(folder, {"pack.yaml": MANIFEST, "changes.yaml": CHANGE}, "dorset")
    write_pack(folder, {"pack.yaml": MANIFEST.replace("dorset", "kent"), "changes.yaml": "a:\n  - b: c\n"}, "kent")

    assert cli.json("packs", "lint", "dorset") == {"ok": True, "problems": []}
    assert cli.json("packs", "lint", "mine") == {"ok": True, "problems": []}
    assert cli.json("packs", "lint", "--place", "dorset") == {"ok": True, "problems": []}
    (problem, *_) = cli.json("packs", "lint", "--place", "kent", code=1)["problems"]
    assert problem["file"] == "kent/changes.yaml"
    assert "dorset, hl7v2" in cli.both("packs", "lint", "devon", code=1)[1]
