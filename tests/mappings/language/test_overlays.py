"""Overlays: what a place, a place within it, and a source say differently of one pack, and what they may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.language import Locality, PackError, lint_packs, load_pack
from mappings.language.packs import lint_pack
from tests.mappings.language.folders import CODES_HEAD, CONTEXT, HL7, adt, first, write_pack

BASE = HL7 | {
    "segments/PID/Patient.yaml": HL7["segments/PID/Patient.yaml"]
    + "gender: PID-8 | code(sex)\nmaritalStatus:\n  text: PID-23\n",
    "codes/sex.csv": f"# unknown: fixed unknown\n{CODES_HEAD}M,,,male,,t,yes\nF,,,female,,t,yes\n",
}
HOSPITAL = Locality(("dorset", "poole"), "ward-round")


def overlay(
    folder: Path, name: str, changes: str = "", *, kind: str = "place", wanted: str = "1.x", **files: str
) -> None:
    """An overlay in a folder of the owner's name."""
    manifest = f'overlay: mine {wanted}\n{kind}: {name}\nversion: "2"\nlanguage: 1\n'
    write_pack(folder, {"pack.yaml": manifest, **({"changes.yaml": changes} if changes else {}), **files}, name)


def second_version(folder: Path, extra: str = "") -> None:
    files = dict(BASE) | {"pack.yaml": BASE["pack.yaml"].replace("1.0.0", "2.0.0")}
    files["segments/PID/Patient.yaml"] += extra
    write_pack(folder, files, "mine@2.0.0")


def patient(folder: Path, locality: Locality) -> dict[str, object]:
    pack = load_pack("mine", [folder], locality=locality)
    found: dict[str, object] = first(
        pack.map(adt("PID|1||7|||||M|||||||||||||||single"), CONTEXT).events[0].bundle, "Patient"
    )
    return found


def change(verb: str, path: str, new: str = "") -> str:
    return f"segments/PID/Patient:\n  - {verb}: {path}\n" + (f"    with: {new}\n" if new else "")


def mistakes(folder: Path, locality: Locality) -> str:
    with pytest.raises(PackError) as caught:
        load_pack("mine", [folder], locality=locality)
    return str(caught.value)


def test_overlays_apply_from_the_widest_place_to_the_source(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    overlay(tmp_path, "dorset", change("replace", "maritalStatus.text", "PID-8"))
    overlay(tmp_path, "poole", change("replace", "maritalStatus.text", "PID-3[1].1"))
    overlay(tmp_path, "ward-round", change("add", "active", "true"), kind="source")
    overlay(tmp_path, "elsewhere", change("remove", "maritalStatus"))

    assert patient(tmp_path, HOSPITAL)["maritalStatus"] == {"text": "7"}
    assert patient(tmp_path, HOSPITAL)["active"] is True
    assert patient(tmp_path, Locality(("dorset",)))["maritalStatus"] == {"text": "M"}
    assert patient(tmp_path, Locality(("other",)))["maritalStatus"] == {"text": "single"}
    assert load_pack("mine", [tmp_path], locality=HOSPITAL).version == "1.0.0 + dorset 2 + poole 2 + ward-round 2"
    assert load_pack("mine", [tmp_path]).version == "1.0.0"


def test_a_place_may_lay_its_rows_over_a_code_list(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    overlay(tmp_path, "dorset", **{"codes/sex.csv": f"{CODES_HEAD}M,,,other,,t,yes\n"})

    assert patient(tmp_path, HOSPITAL)["gender"] == "other"
    assert patient(tmp_path, Locality())["gender"] == "male"


def test_a_pinned_version_runs_beside_another(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    second_version(tmp_path, "active: true\n")
    overlay(tmp_path, "dorset", change("remove", "maritalStatus"))

    assert load_pack("mine", [tmp_path]).version == "1.0.0"
    assert load_pack("mine", [tmp_path], locality=Locality(pins={"mine": "2.0.0"})).version == "2.0.0"
    assert (
        load_pack("mine", [tmp_path], locality=Locality(("dorset",), pins={"mine": "1.0.0"})).version
        == "1.0.0 + dorset 2"
    )


def test_an_overlay_does_not_follow_a_version_by_itself(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    second_version(tmp_path)
    overlay(tmp_path, "dorset", change("remove", "maritalStatus"))

    said = mistakes(tmp_path, Locality(("dorset",), pins={"mine": "2.0.0"}))

    assert "dorset/pack.yaml:1:10" in said
    assert "is for mine 1.x, and here runs 2.0.0" in said


def test_a_version_that_is_pinned_and_not_there_is_a_mistake(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)

    said = mistakes(tmp_path, Locality(pins={"mine": "3.0.0"}))

    assert "mine 3.0.0 is pinned, and it is not there" in said
    assert "there are: 1.0.0" in said


def test_a_pin_holds_for_what_a_pack_extends(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    second_version(tmp_path)
    manifest = 'pack: england\nversion: "1.0.0"\nlanguage: 1\nformat: hl7v2\nextends: mine 1.x\n'
    write_pack(tmp_path, {"pack.yaml": manifest, "changes.yaml": change("remove", "maritalStatus")}, "england")

    load_pack("england", [tmp_path], locality=Locality(pins={"mine": "1.0.0"}))
    with pytest.raises(PackError, match=r"mine is version 2\.0\.0 \(pinned\)"):
        load_pack("england", [tmp_path], locality=Locality(pins={"mine": "2.0.0"}))


def test_two_overlays_of_one_place_need_different_versions(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    second_version(tmp_path)
    overlay(tmp_path, "dorset", change("remove", "maritalStatus"))
    (tmp_path / "dorset").rename(tmp_path / "dorset-now")
    overlay(tmp_path, "dorset", change("add", "active", "true"), wanted="2.x")

    assert "active" not in patient(tmp_path, Locality(("dorset",)))
    assert patient(tmp_path, Locality(("dorset",), pins={"mine": "2.0.0"}))["active"] is True
    manifest = tmp_path / "dorset" / "pack.yaml"
    manifest.write_text(manifest.read_text().replace("2.x", "1.x"))
    assert "are both the overlay of place dorset" in mistakes(tmp_path, Locality(("dorset",)))


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ('overlay: mine\nplace: dorset\nversion: "2"\nlanguage: 1\n', "`overlay` says no version"),
        ('overlay: mine 1.x\nplace: dorset\nversion: "2"\n', "says no `language`"),
        ("overlay: mine 1.x\nplace: dorset\nversion: [\n", "not YAML"),
        ('overlay: mine 1.x\nplace: dorset\nversion: "2"\nlanguage: 1\npack: x\n', "has no `pack`"),
        ('overlay: mine 1.x\nplace: dorset\nsource: pas\nversion: "2"\nlanguage: 1\n', "one place's or one source's"),
    ],
)
def test_an_overlay_that_cannot_be_read_stops_its_place_and_no_other(tmp_path: Path, manifest: str, said: str) -> None:
    write_pack(tmp_path, BASE)
    write_pack(tmp_path, {"pack.yaml": manifest}, "dorset-overlay")

    assert said in mistakes(tmp_path, HOSPITAL)
    assert "dorset-overlay/pack.yaml" in mistakes(tmp_path, HOSPITAL)
    assert patient(tmp_path, Locality(("elsewhere",)))["gender"] == "male"
    assert any(said in str(problem) for problem in lint_packs([tmp_path], ["dorset-overlay"]))


def test_a_change_that_fits_nothing_in_the_layers_below_names_file_and_line(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    overlay(tmp_path, "dorset", change("remove", "maritalStatus"))
    overlay(tmp_path, "poole", change("replace", "maritalStatus.text", "PID-8"))

    assert "poole/changes.yaml:2:14" in mistakes(tmp_path, HOSPITAL)
    assert patient(tmp_path, Locality(("dorset",))).get("maritalStatus") is None


def test_an_overlay_of_no_pack_is_a_mistake(tmp_path: Path) -> None:
    write_pack(tmp_path, {"pack.yaml": 'overlay: nine 1.x\nplace: dorset\nversion: "2"\nlanguage: 1\n'}, "dorset")

    assert any("there is no pack `nine` to lie over" in str(problem) for problem in lint_packs([tmp_path], ["dorset"]))


def warnings(folder: Path, locality: Locality) -> list[str]:
    return [str(problem) for problem in lint_pack("mine", [folder], locality) if problem.warning]


def test_what_changes_nothing_is_told(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    rows = f"{CODES_HEAD}M,,,male,,t,yes\n"
    overlay(tmp_path, "dorset", change("replace", "maritalStatus.text", "PID-23"), **{"codes/sex.csv": rows})

    found = warnings(tmp_path, Locality(("dorset",)))

    assert any("dorset/changes.yaml:2:14  warning: this changes nothing: mine 1.0.0 says the same" in w for w in found)
    assert any("dorset/codes/sex.csv:2:1  warning: this row changes nothing" in w for w in found)
    assert any("what the layer says makes no difference: dorset 2 over mine 1.0.0" in w for w in found)


def test_what_only_undoes_its_parent_is_told(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    overlay(
        tmp_path, "dorset", change("replace", "maritalStatus.text", "PID-8"),
        **{"codes/sex.csv": f"{CODES_HEAD}M,,,other,,t,yes\n"},
    )  # fmt: skip
    overlay(
        tmp_path, "poole", change("replace", "maritalStatus.text", "PID-23") + "  - add: active\n    with: true\n",
        **{"codes/sex.csv": f"{CODES_HEAD}M,,,male,,t,yes\n"},
    )  # fmt: skip

    found = warnings(tmp_path, HOSPITAL)

    assert len(found) == 2, found
    assert any("poole/changes.yaml:2:14  warning: this only undoes what dorset 2 changes" in w for w in found)
    assert any("poole/codes/sex.csv:2:1  warning: this row only undoes what dorset 2 says" in w for w in found)


def test_a_change_that_makes_a_difference_is_not_told(tmp_path: Path) -> None:
    write_pack(tmp_path, BASE)
    overlay(tmp_path, "dorset", change("remove", "maritalStatus"))

    assert warnings(tmp_path, Locality(("dorset",))) == []
