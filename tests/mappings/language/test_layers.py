"""A pack laid over another states only what differs, and what it says must fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.language import CompiledPack, PackError, list_packs, load_pack
from tests.mappings.language.folders import CODES_HEAD, CONTEXT, HL7, adt, first, write_pack

BASE = HL7 | {
    "segments/PID/Patient.yaml": HL7["segments/PID/Patient.yaml"]
    + "gender: PID-8 | code(sex)\nmaritalStatus:\n  text: PID-23\ntelecom:\n  each: PID-13\n  cases:\n"
    '    net: {if: .3 = "Internet", value: .4}\n    phone: {else: true, value: .1}\n',
    "codes/sex.csv": f"# unknown: fixed unknown\n{CODES_HEAD}M,,,male,,t,yes\nF,,,female,,t,yes\nX,,,other,,t,yes\n",
}
MANIFEST = 'pack: place\nversion: "1.0.0"\nlanguage: 1\nformat: hl7v2\nextends: mine 1.x\n'


def place(folder: Path, changes: str = "", **files: str) -> CompiledPack:
    write_pack(folder, BASE)
    write_pack(folder, {"pack.yaml": MANIFEST, "changes.yaml": changes or "messages/ADT: []\n"} | files, "place")
    return load_pack("place", [folder])


def patient(pack: CompiledPack, pid: str) -> dict[str, object]:
    found: dict[str, object] = first(pack.map(adt(pid), CONTEXT).events[0].bundle, "Patient")
    return found


def test_all_four_verbs_change_what_they_name(tmp_path: Path) -> None:
    pack = place(
        tmp_path,
        "segments/PID/Patient:\n"
        "  - replace: telecom:phone\n    with:\n      else: true\n      value: .12\n"
        "  - add: birthDate\n    with: PID-7\n"
        "  - append: identifier\n    with:\n      value: PID-4[1].1\n"
        "  - remove: maritalStatus\n",
    )

    found = patient(pack, "PID|1||7|8|||19600203||||||1^^^^^^^^^^^2~^^Internet^a@b|||||||||single")

    assert found["telecom"] == [{"value": "2"}, {"value": "a@b"}]
    assert found["birthDate"] == "1960-02-03"
    assert found["identifier"] == [{"value": "7"}, {"value": "8"}]
    assert "maritalStatus" not in found


def test_a_star_stands_for_every_file_and_key_that_says_so(tmp_path: Path) -> None:
    discharge = HL7["messages/ADT.yaml"].replace("message: ADT", "message: ADT^A03").replace("A01", "A03")
    pack = place(
        tmp_path,
        "messages/*:\n  - replace: resources.*\n    was: Patient(PID)\n    with: Patient(PID, PV1)\n"
        "segments/PID/Patient:\n  - replace: takes\n    with: PID, PV1?\n  - add: birthDate\n    with: PV1-44\n",
        **{"messages/ADT-A03.yaml": discharge},
    )

    for trigger in ("A01", "A03"):
        decoded = adt("PID|1||7", "PV1||I" + "|" * 42 + "19600203", trigger=trigger)
        (event,) = pack.map(decoded, CONTEXT).events
        assert first(event.bundle, "Patient")["birthDate"] == "1960-02-03"


def test_a_code_list_is_merged_row_by_row(tmp_path: Path) -> None:
    rows = f"{CODES_HEAD}M,,,other,,t,yes\nX,,,-,,t,yes\nV,,,female,,t,yes\n"
    pack = place(tmp_path, **{"codes/sex.csv": rows})

    genders = {code: patient(pack, f"PID|1||7|||||{code}")["gender"] for code in "MFXV"}

    assert genders == {"M": "other", "F": "female", "X": "unknown", "V": "female"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("segments/PID/Patient:\n  - remove: maritalstatus\n", "did you mean `maritalStatus`?"),
        ("segments/PID/Patient:\n  - remove: telecom:phones\n", "`telecom:phone`"),
        ("segments/PID/Patient:\n  - remove: maritalstatus.text\n", "did you mean `maritalStatus`?"),
        ("segments/PID/Patent:\n  - remove: gender\n", "did you mean `segments/PID/Patient`?"),
        ("segments/PID/Patient:\n  - add: gender\n    with: PID-8 | code(sex)\n", "is there already"),
        ("segments/PID/Patient:\n  - replace: gender\n    was: PID-9\n    with: PID-8 | code(sex)\n", "now says"),
        (
            "messages/*:\n  - replace: resources.*\n    was: Patient(PV1)\n    with: Patient(PID)\n",
            "did you mean `Patient(PID)`?",
        ),
        ("messages/*:\n  - remove: resource.*\n", "names nothing in any messages/*"),
        ("datatypes/*:\n  - remove: text\n", "the layers below have no file `datatypes/*`"),
        ("segments/PID/Patient:\n  - exchange: gender\n    with: PID-8\n", "verbs: replace, add, append, remove"),
    ],
)
def test_a_change_that_does_not_fit_is_a_mistake(tmp_path: Path, changes: str, said: str) -> None:
    with pytest.raises(PackError) as caught:
        place(tmp_path, changes)
    assert said in str(caught.value)
    assert "place/changes.yaml:" in str(caught.value)


def test_the_version_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"pack mine is version 1\.0\.0"):
        place(tmp_path, **{"pack.yaml": MANIFEST.replace("1.x", "2.x")})


def test_the_search_path_goes_before_what_is_built_in(tmp_path: Path) -> None:
    write_pack(
        tmp_path, HL7 | {"pack.yaml": HL7["pack.yaml"].replace("mine", "hl7v2").replace("1.0.0", "9.9.9")}, "hl7v2"
    )

    assert ("hl7v2", "9.9.9") in list_packs([tmp_path])
    assert load_pack("hl7v2", [tmp_path]).version == "9.9.9"


def test_a_pack_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="did you mean `hl7v2-itk`"):
        load_pack("hl7v2-itc", [tmp_path])
