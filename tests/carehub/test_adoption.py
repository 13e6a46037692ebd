"""`carehub packs show` at a place, and `packs diff`: what an adoption would change, before it is made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.carehub.conftest import Cli
from tests.mappings.language.folders import HL7, write_pack

MESSAGE = (
    "MSH|^~\\&|PAS|RBD|||20260102030405||ADT^A01|M{0}|P|2.4\rPID|1||7{0}|||||M|||||||||||||||single\rDG1|1|||{1}\r"
)
BASE = HL7 | {
    "messages/ADT.yaml": HL7["messages/ADT.yaml"]
    + "  condition:\n    each: DG1\n    template: Condition(DG1, ref(patient))\n",
    "segments/PID/Patient.yaml": HL7["segments/PID/Patient.yaml"] + "maritalStatus:\n  text: PID-23\n",
    "segments/DG1/Condition.yaml": (
        'takes: DG1, patient\nresourceType: Condition\nid: within(patient, "condition", DG1-4)\n'
        'code:\n  text: DG1-4\nsubject: patient\nmeta:\n  security:\n    - if: DG1-4 = "secret"\n      always: true\n'
        '      system: "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"\n      code: "R"\n'
    ),
}
MANIFEST = 'overlay: mine 1.x\nplace: dorset\nversion: "2"\nlanguage: 1\n'
CHANGE = "segments/PID/Patient:\n  - replace: maritalStatus.text\n    with: PID-8\n"
WHOLE = 'rules:\n  - name: confidential-diagnosis\n    scope: event\n    action: route\n    source: "decision"\n'


@pytest.fixture
def packs(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packs on CAREHUB_PACKS, with one pack, and two messages beside it."""
    folder = tmp_path / "packs"
    write_pack(folder, BASE)
    monkeypatch.setenv("CAREHUB_PACKS", str(folder))
    monkeypatch.chdir(tmp_path)
    for number, diagnosis in (("1", "open"), ("2", "secret")):
        Path(f"{number}.hl7").write_text(MESSAGE.format(number, diagnosis), newline="")
    return folder


def second(folder: Path, file: str, old: str, new: str) -> None:
    files = BASE | {"pack.yaml": BASE["pack.yaml"].replace("1.0.0", "1.1.0")}
    assert old in files[file]
    write_pack(folder, files | {file: files[file].replace(old, new)}, "mine@1.1.0")


def diff(cli: Cli, *sides: str, code: int = 1) -> Any:
    return cli.json("packs", "diff", "mine", *sides, "--messages", "1.hl7", "2.hl7", code=code)


def found(result: Any) -> list[tuple[str, int, str, Any, Any]]:
    return [
        (message["file"], each["event"], each["path"], each.get("before"), each.get("after"))
        for message in result["differences"]
        for each in message["differences"]
    ]


def test_nothing_differs_from_itself(cli: Cli, packs: Path) -> None:
    assert diff(cli, "1.0.0", "1.0.0", code=0) == {
        "pack": "mine", "before": "1.0.0", "after": "1.0.0", "messages": 2, "different": 0, "elements": {},
        "differences": [],
    }  # fmt: skip


def test_an_element_is_told_with_what_it_was_and_would_be(cli: Cli, packs: Path) -> None:
    second(packs, "segments/PID/Patient.yaml", "PID-23", "PID-8")
    result = diff(cli, "1.0.0", "1.1.0")
    assert found(result)[:3] == [
        ("1.hl7", 0, "Patient.maritalStatus.text", "single", "M"),
        ("1.hl7", 0, "unmapped", "PID-8", None),
        ("1.hl7", 0, "unmapped", None, "PID-23"),
    ]
    assert (result["after"], result["different"]) == ("1.1.0", 2)
    assert result["elements"] == {"Patient.maritalStatus.text": 2, "unmapped": 2}
    text, summary = cli.both("packs", "diff", "mine", "1.0.0", "1.1.0", "--messages", "1.hl7", code=1)
    assert "1.hl7 message 1\n  Patient.maritalStatus.text\n    - single\n    + M\n" in text
    assert "1 messages, 1 differ" in summary
    assert "single" not in summary, "values stand in the result alone"


def test_another_event_type_and_a_refusal_are_told(cli: Cli, packs: Path) -> None:
    second(packs, "messages/ADT.yaml", "patient-admitted-1", "patient-arrived-1")
    paths = [each[2:] for each in found(diff(cli, "1.0.0", "1.1.0")) if each[0] == "1.hl7"]
    assert paths[0] == ("event.type", "patient-admitted-1", "patient-arrived-1")
    second(packs, "messages/ADT.yaml", "A01:", "A02:")
    paths = [each[2:] for each in found(diff(cli, "1.0.0", "1.1.0")) if each[0] == "1.hl7"]
    assert paths[0] == ("message", "accepted", "refused")
    assert ("event.type", "patient-admitted-1", None) in paths
    assert ("issues", None, "unsupported-trigger MSH-9.2") in paths


def test_an_overlay_in_a_folder_is_compared_with_the_pack_alone(cli: Cli, packs: Path, tmp_path: Path) -> None:
    write_pack(tmp_path, {"pack.yaml": MANIFEST, "changes.yaml": CHANGE, "restriction.yaml": WHOLE}, "dorset")
    result = diff(cli, "1.0.0", "dorset")
    assert result["after"] == "1.0.0 + dorset 2"
    assert ("1.hl7", 0, "Patient.maritalStatus.text", "single", "M") in found(result)
    topics = [each for each in found(result) if each[2] == "event.topic"]
    assert topics == [("2.hl7", 1, "event.topic", "ordinary", None)], "without the diagnosis it is not published"


def test_at_a_place_a_folder_takes_the_place_of_the_overlay_that_is_there(
    cli: Cli, packs: Path, tmp_path: Path
) -> None:
    write_pack(packs, {"pack.yaml": MANIFEST, "changes.yaml": CHANGE}, "dorset")
    write_pack(tmp_path, {"pack.yaml": MANIFEST.replace('"2"', '"3"'), "changes.yaml": CHANGE}, "dorset")
    result = diff(cli, "1.0.0", "dorset", "--place", "dorset", code=0)
    assert (result["before"], result["after"]) == ("1.0.0 + dorset 2", "1.0.0 + dorset 3")


def test_a_version_in_another_folder_is_compared(cli: Cli, packs: Path, tmp_path: Path) -> None:
    second(tmp_path / "new", "segments/PID/Patient.yaml", "PID-23", "PID-8")
    assert diff(cli, "1.0.0", "new/mine@1.1.0")["after"] == "1.1.0"


@pytest.mark.parametrize(
    ("sides", "code", "said"),
    [
        (("1.0.0", "2.0.0"), 2, "2.0.0 is neither a folder nor a version of mine; there are: 1.0.0"),
        (("1.0.0", "packs"), 3, "packs/pack.yaml:1:1  there is no such file"),
        (("1.0.0", "other"), 3, "the overlay lies over hl7v2, not over mine"),
        (("1.0.0", "late"), 3, "late/pack.yaml:1:10  the overlay of place dorset is for mine 2.x, and here runs 1.0.0"),
    ],
)
def test_what_cannot_be_compared_is_told(
    cli: Cli, packs: Path, tmp_path: Path, sides: tuple[str, str], code: int, said: str
) -> None:
    write_pack(tmp_path, {"pack.yaml": MANIFEST.replace("mine", "hl7v2")}, "other")
    write_pack(tmp_path, {"pack.yaml": MANIFEST.replace("1.x", "2.x"), "changes.yaml": CHANGE}, "late")
    assert said in cli.both("packs", "diff", "mine", *sides, "--messages", "1.hl7", code=code)[1]


def test_the_help_says_that_values_are_shown(cli: Cli, packs: Path) -> None:
    assert "Personal data" in cli.run("packs", "diff", "--help")
    assert "say which messages" in cli.both("packs", "diff", "mine", "1.0.0", "1.0.0", code=2)[1]


def test_show_tells_what_a_pack_builds_on_and_what_lies_over_it(cli: Cli, packs: Path) -> None:
    second(packs, "segments/PID/Patient.yaml", "PID-23", "PID-8")
    write_pack(packs, {"pack.yaml": MANIFEST, "changes.yaml": CHANGE}, "dorset")
    shown = cli.json("packs", "show", "mine")
    assert (shown["layers"], shown["versions"]) == (["mine 1.0.0"], ["1.0.0", "1.1.0"])
    assert shown["overlays"] == [{"of": "place dorset", "version": "2", "for": "1.x", "folder": str(packs / "dorset")}]
    assert f"place dorset 2 (for 1.x, {packs / 'dorset'})" in cli.run("packs", "show", "mine")
    assert "place dorset" in cli.run("packs", "list")


def test_show_prints_the_mapping_of_a_place_with_the_layer_of_each_line(cli: Cli, packs: Path) -> None:
    write_pack(packs, {"pack.yaml": MANIFEST, "changes.yaml": CHANGE}, "dorset-overlay")
    part = ("packs", "show", "mine", "segments/PID/Patient")
    assert cli.run(*part, "--place", "dorset").splitlines()[-3:] == [
        "mine 1.0.0    5 │   - value: PID-3[1].1",
        "mine 1.0.0    7 │ maritalStatus:",
        "dorset 2      3 │   text: PID-8",
    ]
    assert cli.run(*part).splitlines()[-1] == "mine 1.0.0    7 │   text: PID-23"
    whole = cli.json("packs", "show", "mine", "--place", "dorset")
    assert (whole["version"], len(whole["parts"])) == ("1.0.0 + dorset 2", 4)
    changed = cli.json("packs", "show", "mine", "--place", "dorset", "--changed")["parts"]
    assert [each["part"] for each in changed] == ["segments/PID/Patient"]
    assert changed[0]["lines"][-1] == {
        "text": "  text: PID-8", "layer": "dorset 2", "file": "dorset-overlay/changes.yaml", "line": 3,
    }  # fmt: skip
    assert "did you mean" in cli.both("packs", "show", "mine", "segments/PID/Patent", code=1)[1]


def test_show_for_a_source_takes_its_places_and_its_own_overlay(hub: Cli, packs: Path) -> None:
    write_pack(packs, {"pack.yaml": MANIFEST, "changes.yaml": CHANGE}, "dorset")
    own = MANIFEST.replace("place: dorset", "source: pas")
    write_pack(packs, {"pack.yaml": own, "changes.yaml": CHANGE.replace("PID-8", "PID-7")}, "pas-overlay")
    hub.run("places", "add", "poole", "--parent", "dorset")
    hub.run("sources", "add", "pas", "--organisation", "RBD", "--sector", "acute", "--place", "poole", "--pack", "mine")
    shown = hub.json("packs", "show", "mine", "segments/PID/Patient", "--source", "pas")
    assert shown["version"] == "1.0.0 + dorset 2 + pas 2"
    assert shown["parts"][0]["lines"][-1]["text"] == "  text: PID-7"
    assert "there is no source pax" in hub.both("packs", "show", "mine", "--source", "pax", code=1)[1]


def test_a_local_pack_in_another_folder_works_with_every_command_beside_a_broken_one(
    cli: Cli, packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust, region = tmp_path / "trust", packs
    write_pack(trust, {"pack.yaml": MANIFEST, "changes.yaml": CHANGE}, "dorset")
    write_pack(trust, {"pack.yaml": 'pack: wards\nversion: "1"\nlanguage: 1\nformat: hl7v2\n'}, "wards")
    write_pack(region, {"message.hl7": Path("1.hl7").read_text()}, "mine/samples/one")
    monkeypatch.setenv("CAREHUB_PACKS", os.pathsep.join(map(str, (trust, region))))

    assert {"mine", "wards", "cld"} <= {each["pack"] for each in cli.json("packs", "list")}
    assert cli.json("packs", "lint", "mine", "dorset") == {"ok": True, "problems": []}
    assert cli.json("packs", "lint", "wards", code=1)["problems"][0]["file"] == "wards/pack.yaml"
    cli.run("packs", "test", "mine", "--accept")
    assert cli.json("packs", "test", "mine")["ok"]
    assert cli.json("packs", "show", "mine")["folder"] == str(region / "mine")
    assert cli.json("packs", "coverage", "mine")["samples"] == 1
    assert diff(cli, "1.0.0", str(trust / "dorset"))["different"] == 2
    line = cli.json("preview", "1.hl7", "--pack", "mine", "--place", "dorset")
    patient = line["bundle"]["entry"][1]["resource"]
    assert (line["topic"], patient["maritalStatus"]) == (None, {"text": "M"}), "the pack names no sector"
    assert "left out, since they cannot run here: wards" in cli.both("preview", "1.hl7")[1]


def test_an_overlay_has_samples_and_code_lists_of_its_own(cli: Cli, packs: Path) -> None:
    files = {"pack.yaml": MANIFEST, "changes.yaml": CHANGE, "samples/one/message.hl7": MESSAGE.format("1", "open")}
    asserts = 'Patient.maritalStatus.text: "M"\n'
    write_pack(packs, files | {"samples/one/asserts.yaml": asserts}, "dorset")
    assert "no expectation" in cli.run("packs", "test", "dorset", code=1)
    cli.run("packs", "test", "dorset", "--accept")
    assert cli.json("packs", "test", "dorset")["ok"]
    (packs / "dorset" / "changes.yaml").write_text(CHANGE.replace("PID-8", "PID-7"))
    assert "asserts.yaml:1:1" in cli.run("packs", "test", "dorset", code=1)
    made = Path(cli.json("packs", "new-codes", "dorset", "ward", "--unknown", "omit")["file"])
    assert made.read_text().startswith("# unknown: omit\ncode,display")
    assert cli.json("packs", "fmt", "dorset", "--check") == {"ok": True, "files": []}
