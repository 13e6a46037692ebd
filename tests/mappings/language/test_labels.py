"""An overlay takes away no label on which hangs what is held apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.language import Locality, PackError, lint_packs, load_pack
from tests.mappings.language.folders import CODES_HEAD, HL7, write_pack

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PATIENT = "segments/PID/Patient"
BASE = HL7 | {
    f"{PATIENT}.yaml": HL7[f"{PATIENT}.yaml"] + "meta:\n  security:\n    - PID-23 | code(secret)\nactive: true\n",
    "codes/secret.csv": f"# unknown: omit\n{CODES_HEAD}Y,,{CONFIDENTIALITY},R,restricted,t,yes\n",
}
MANIFEST = 'overlay: mine 1.x\nplace: dorset\nversion: "2"\nlanguage: 1\n'
SECURITY = "with:\n      - PID-30 | code(secret)\n"
LAID_OVER = (
    "messages/ADT:\n  - replace: resources.patient\n    with:\n      template: Patient(PID)\n"
    "  - add: resources.patient.meta\n    with:\n      security:\n        - PID-30 | code(secret)\n"
)


def loaded(folder: Path, **files: str) -> str:
    """The mistakes of an overlay of these files; empty where it may run."""
    write_pack(folder, BASE)
    write_pack(folder, {"pack.yaml": MANIFEST, **files}, "dorset")
    try:
        load_pack("mine", [folder], locality=Locality(("dorset",)))
    except PackError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "change",
    [
        f"{PATIENT}:\n  - remove: meta\n",
        f"{PATIENT}:\n  - remove: meta.security\n",
        f"{PATIENT}:\n  - replace: meta.security\n    {SECURITY}",
        f"{PATIENT}:\n  - replace: meta\n    with:\n      security:\n        - PID-30 | code(secret)\n",
        LAID_OVER,
    ],
)
def test_a_label_is_not_replaced_or_taken_away(tmp_path: Path, change: str) -> None:
    said = loaded(tmp_path, **{"changes.yaml": change})
    assert "dorset/changes.yaml:" in said
    assert "what is held apart hangs on `meta.security`: an overlay may add to it, and nothing else" in said
    assert "write `append: meta.security` in the template that makes it" in said


@pytest.mark.parametrize(
    "change",
    [
        f"{PATIENT}:\n  - append: meta.security\n    with: PID-30 | code(secret)\n",
        f"{PATIENT}:\n  - remove: active\n",
        f"{PATIENT}:\n  - add: meta.source\n    with: PID-7\n",
    ],
)
def test_what_adds_or_has_nothing_to_do_with_it_is_allowed(tmp_path: Path, change: str) -> None:
    assert loaded(tmp_path, **{"changes.yaml": change}) == ""


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        (f"Y,,{CONFIDENTIALITY},N,normal,t,yes\n", 2, "a row of it may not be changed or removed"),
        ("Y,,,-,,t,yes\n", 2, "a row of it may not be changed or removed"),
        (f"Z,,{CONFIDENTIALITY},U,lifted,t,yes\n", 2, "a code that lifts it is national"),
        (f"Z,,{CONFIDENTIALITY},V,very,t,yes\n", 0, ""),
    ],
)
def test_codes_of_labels_may_be_added_where_they_lift_nothing(tmp_path: Path, rows: str, line: int, said: str) -> None:
    found = loaded(tmp_path, **{"codes/secret.csv": CODES_HEAD + rows})
    assert (f"dorset/codes/secret.csv:{line}:1" in found, said in found) == (bool(said), True)
    assert bool(found) is bool(said)


def test_what_becomes_of_other_codes_of_labels_stays(tmp_path: Path) -> None:
    found = loaded(tmp_path, **{"codes/secret.csv": f"# unknown: keep\n{CODES_HEAD}"})
    assert "dorset/codes/secret.csv:1:1  secret makes the labels" in found


def test_a_whole_file_without_the_label_does_not_take_the_place_of_one_that_makes_it(tmp_path: Path) -> None:
    assert "dorset/segments/PID/Patient.yaml:1:1  the file below makes `meta.security`" in loaded(
        tmp_path, **{f"{PATIENT}.yaml": HL7[f"{PATIENT}.yaml"]}
    )


NARROW = "messages/ADT:\n  - replace: resources.patient\n    with: Patient(PID)\n"
WITH_FLAG = BASE | {
    f"{PATIENT}.yaml": BASE[f"{PATIENT}.yaml"].replace("takes: PID", "takes: PID, PD1?").replace("PID-23", "PD1-12"),
    "messages/ADT.yaml": HL7["messages/ADT.yaml"].replace("Patient(PID)", "Patient(PID, PD1)"),
    "samples/hidden/message.hl7": "MSH|^~\\&|PAS|RBD|||20260102030405||ADT^A01|M1|P|2.4\nPID|1||7\nPD1||||||||||||Y\n",
}


@pytest.mark.parametrize(
    ("changes", "lost"), [(NARROW, True), ("messages/ADT:\n  - replace: happened\n    with: EVN-2\n", False)]
)
def test_what_the_samples_of_the_pack_hold_back_an_overlay_holds_back_too(
    tmp_path: Path, changes: str, lost: bool
) -> None:
    write_pack(tmp_path, WITH_FLAG)
    write_pack(tmp_path, {"pack.yaml": MANIFEST, "changes.yaml": changes}, "dorset")

    said = [str(problem) for problem in lint_packs([tmp_path], ["dorset"]) if not problem.warning]

    assert bool(said) is lost
    assert not lost or (
        "dorset/pack.yaml:1:10  it lets out what mine 1.0.0 holds back in mine/samples/hidden: the flag pds-restricted"
        in said[0]
    ), said
