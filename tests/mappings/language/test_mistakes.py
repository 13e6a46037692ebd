"""Planted mistakes: each is found before anything runs, with its line and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.language import PackError, lint_packs, load_pack
from tests.mappings.language.folders import CODES_HEAD, CONTEXT, HL7, adt, first, write_pack

PATIENT = "segments/PID/Patient.yaml"
ADT = "messages/ADT.yaml"
KEEP = f"# unknown: keep\n{CODES_HEAD}M,,,male,,t,yes\n"
WRONG = f"# unknown: omit\n{CODES_HEAD}M,,,mail,,t,yes\n"


def mistakes(folder: Path, **changed: str) -> str:
    with pytest.raises(PackError) as caught:
        load_pack("mine", [write_pack(folder, HL7 | changed)])
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "said", "advice"),
    [
        ("birthdate: PID-7", "Patient has no element `birthdate`", "did you mean `birthDate`?"),
        ("gender: PID-8", "Patient.gender is code, and this is text", "code(list)"),
        ('gender: "men"', 'Patient.gender cannot be "men"', "male"),
        ("gender: PID-8 | code(sex)", "there is no code list `sex`", "codes/sex.csv"),
        ("gender: PID-8 | code(keep)", "keeps unknown codes", "fixed CODE"),
        ("gender: PID-8 | code(wrong)", 'cannot be "mail"', "did you mean `male` or `female`?"),
        ('birthDate: "soon"', "Patient.birthDate is date, and this is a literal text", ""),
        ("birthDate: PID-7 | datetime", "Patient.birthDate is date, and this is dateTime", "date"),
        ("birthDate: PID-7 | dat", "there is no function or template `dat`", "`date`"),
        ("birthDate: PID-77", "there is no field `PID-77`", "its last is PID-"),
        ("birthDate: PV1-44", "there is no `PV1-44` here", "add PV1 to `takes:`"),
        ("birthDate: final", "there is no `final` here", "quotes"),
        ("maritalStatus:\n  text: PID-5", "may have several values", "[1]"),
        ("name: PID-5", "Patient.name is HumanName, and this is HL7 XPN", "datatypes/XPN/HumanName.yaml"),
        ("maritalStatus:\n  - text: PID-23", "is single, and this is a list", "without `-`"),
        ("communication:\n  - preferred: true", "PatientCommunication.language is required", "`language:`"),
        ("deceased: PID-30", "Patient has no element `deceased`", "deceased[x]"),
        ("generalPractitioner: PID-23", "is Reference, and this is text", "ref(name)"),
        ("active:\n  switch: PID-8\n  M: true", "`switch` has no `else`", "else"),
        (
            "active:\n  cases:\n    a: {else: true, then: true}\n    b: {if: present(PID-7), then: false}",
            "never reached",
            "last",
        ),
        ("active:\n  switch: PID-8\n  M F: true\n  M: false\n  else: false", "`M` is never reached", ""),
        ("telecom:\n  each: PV1\n  value: PID-23", "there is no `PV1` here", "takes"),
        ("multipleBirth[x]: PID-23", "Patient.multipleBirth[x]", ""),
    ],
)
def test_a_mistake_in_a_template(tmp_path: Path, line: str, said: str, advice: str) -> None:
    text = HL7[PATIENT] + line + "\n"

    shown = mistakes(tmp_path, **{PATIENT: text, "codes/keep.csv": KEEP, "codes/wrong.csv": WRONG})

    assert said in shown
    assert advice in shown
    assert (
        "mine/segments/PID/Patient.yaml:6:" in shown or "mine/segments/PID/Patient.yaml:" in shown or "codes/" in shown
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Patient(PID)", "Patent(PID)", "did you mean `Patient`?"),
        ("Patient(PID)", "Patient()", "`Patient(PID)` is given 0 values"),
        ("person: patient", "person: pateint", "did you mean `patient`?"),
        ("patient-admitted-1", "PatientAdmitted", "`PatientAdmitted` is no event type"),
        ("happened", "happend", "did you mean `happened`?"),
    ],
)
def test_a_mistake_in_a_message_file(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in mistakes(tmp_path, **{ADT: HL7[ADT].replace(old, new)})


def test_ids_that_are_made_of_one_another_are_refused(tmp_path: Path) -> None:
    template = 'takes: PID, other\nresourceType: Basic\nid: within(other, "x")\ncode:\n  text: PID-23\n'
    message = HL7[ADT] + "  a: Thing(PID, ref(b))\n  b: Thing(PID, ref(a))\n"

    shown = mistakes(tmp_path, **{ADT: message, "templates/Thing.yaml": template})

    assert "these ids are made of one another: a → b → a" in shown


def test_the_place_the_line_and_a_caret_are_shown(tmp_path: Path) -> None:
    shown = mistakes(tmp_path, **{PATIENT: HL7[PATIENT] + "birthdate: PID-7\n"})

    assert (
        "mine/segments/PID/Patient.yaml:6:1  Patient has no element `birthdate`\n"
        "6 | birthdate: PID-7\n"
        "  | ^^^^^^^^^  did you mean `birthDate`?"
    ) in shown


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    shown = mistakes(
        tmp_path,
        **{PATIENT: HL7[PATIENT] + "birthdate: PID-7\ngendre: PID-8\n", ADT: HL7[ADT] + "  x: Nothing(PID)\n"},
    )

    assert "3 mistakes" in shown


def test_what_nothing_uses_is_a_warning_and_does_not_stop_the_pack(tmp_path: Path) -> None:
    template = "takes: CX, more?\nvalue: CX.1\n"
    search = [write_pack(tmp_path, HL7 | {"datatypes/CX/Identifier.yaml": template, "codes/keep.csv": KEEP})]

    load_pack("mine", search)
    warnings = [p.text for p in lint_packs(search, ["mine"])]

    assert "no message uses datatypes/CX/Identifier" in warnings
    assert "no template uses the code list keep" in warnings
    assert "`more` is taken and never read" in warnings


def test_an_unused_template_is_still_checked(tmp_path: Path) -> None:
    assert "Identifier has no element `valeu`" in mistakes(
        tmp_path, **{"datatypes/CX/Identifier.yaml": "takes: CX\nvaleu: CX.1\n"}
    )


def test_text_of_a_pack_never_becomes_code(tmp_path: Path) -> None:
    text = HL7[PATIENT] + "language: \"');raise SystemExit('\"\n"

    pack = load_pack("mine", [write_pack(tmp_path, HL7 | {PATIENT: text})])

    patient = first(pack.map(adt("PID|1||7"), CONTEXT).events[0].bundle, "Patient")
    assert patient["language"] == "');raise SystemExit('"


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("Patient(PID)", HL7[PATIENT].replace("identity(PID-3[1].1)", "identity(PID-333)")),
        ("{template: Patient(PID), active: true}", HL7[PATIENT] + "birthdate: PID-7\n"),
        ("{template: Patient(PID), active: true}", HL7[PATIENT] + 'gender: "men"\n'),
    ],
)
def test_what_is_written_in_place_tells_its_use_too(tmp_path: Path, message: str, template: str) -> None:
    shown = mistakes(tmp_path, **{ADT: HL7[ADT].replace("Patient(PID)", message), PATIENT: template})

    assert "mine/segments/PID/Patient.yaml:" in shown
    assert "(used by mine/messages/ADT.yaml:7; layer mine 1.0.0)" in shown


def test_a_mistake_in_a_change_is_told_in_the_layer_that_made_it(tmp_path: Path) -> None:
    write_pack(tmp_path, HL7 | {"pack.yaml": HL7["pack.yaml"].replace("mine", "base")}, "base")
    changes = "segments/PID/Patient:\n  - add: gender\n    with: PID-8\n"
    pack = 'pack: mine\nversion: "2.0"\nlanguage: 1\nformat: hl7v2\nextends: base 1.x\n'
    write_pack(tmp_path, {"pack.yaml": pack, "changes.yaml": changes})

    with pytest.raises(PackError) as caught:
        load_pack("mine", [tmp_path])

    assert str(caught.value.problems[0].place) == "mine/changes.yaml:3:11"
    assert caught.value.problems[0].layer == "mine 2.0"


def test_each_of_a_field_that_does_not_repeat_is_a_warning(tmp_path: Path) -> None:
    text = HL7[PATIENT] + "telecom:\n  - each: PID-23\n    value: PID-23\n"
    search = [write_pack(tmp_path, HL7 | {PATIENT: text})]

    load_pack("mine", search)
    warnings = [p.text for p in lint_packs(search, ["mine"])]

    assert warnings == ["`PID-23` does not repeat, so `each:` goes through one value at most"]


def test_one_mistake_is_not_told_as_three(tmp_path: Path) -> None:
    name = "takes: XPN\nfamilly: XPN.1\n"
    shown = mistakes(tmp_path, **{PATIENT: HL7[PATIENT] + "name: PID-5\n", "datatypes/XPN/HumanName.yaml": name})

    assert "1 mistake\n" in shown
    assert "taken and never read" not in shown
