"""What compiled packs do with messages."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from contract.errors import Code, Unprocessable
from mappings.language import load_pack
from mappings.language.functions import REGISTRY
from mappings.language.samples import run_samples
from mappings.stages import Decoded, Format
from tests.mappings.language.folders import (
    CODES_HEAD,
    CONTEXT,
    FIXTURES,
    HL7,
    ROWS,
    adt,
    first,
    hl7_pack,
    knowing,
    row,
    write_pack,
)

SMALL = load_pack("small-acute", [FIXTURES])


def test_the_small_pack_gives_what_its_samples_expect() -> None:
    results = run_samples("small-acute", [FIXTURES])

    assert [r.differences for r in results] == [()]


def test_a_message_is_recognised_by_the_manifest() -> None:
    england = adt("PID|1||7^^^RBD")
    england.tree.first("MSH").fields().extend([""] * 4 + ["GBR"])

    assert SMALL.recognises(england)
    assert not SMALL.recognises(adt("PID|1||7^^^RBD"))


def test_a_merge_links_both_patients_to_each_other() -> None:
    mapped = SMALL.map(adt("PID|1||1^^^RBD", "MRG|2^^^RBD", trigger="A40"), CONTEXT)
    (event,) = mapped.events

    patients = {e["resource"]["id"]: e["resource"] for e in event.bundle["entry"][1:]}
    assert event.type == "patient-merged-1"
    assert patients[event.subject]["link"] == [{"type": "replaces", "other": {"reference": f"urn:uuid:{event.prior}"}}]
    assert patients[event.prior]["link"][0]["other"] == {"reference": f"urn:uuid:{event.subject}"}
    assert patients[event.prior]["identifier"][0]["use"] == "old"


def test_each_group_is_an_event_of_its_own() -> None:
    pairs = ["PID|1||1^^^RBD", "MRG|2^^^RBD", "PID|2||3^^^RBD", "MRG|4^^^RBD"]
    events = SMALL.map(adt("EVN||20260101", *pairs, trigger="A40"), CONTEXT).events

    assert len({e.subject for e in events} | {e.prior for e in events}) == 4
    assert len({first(e.bundle, "MessageHeader")["id"] for e in events}) == 2


def test_the_same_message_gives_the_same_bundle() -> None:
    message = "PID|1||1^^^RBD||A^B"

    assert SMALL.map(adt(message), CONTEXT) == SMALL.map(adt(message), CONTEXT)


def test_the_patient_keeps_its_id_when_an_nhs_number_turns_up() -> None:
    before = SMALL.map(adt("PID|1||1^^^RBD"), CONTEXT).events[0].subject
    after = SMALL.map(adt("PID|1||9434765919^^^NHS^NH~1^^^RBD"), CONTEXT).events[0].subject

    assert before == after


def test_every_error_of_a_message_is_told_with_its_field() -> None:
    with pytest.raises(Unprocessable) as caught:
        SMALL.map(adt("PID|1||1^^^RBD~1234567890^^^NHS||||19600231"), CONTEXT)

    found = [(issue.code, issue.path) for issue in caught.value.issues]
    assert found == [(Code.INVALID_NHS_NUMBER, "PID-3[2].1"), (Code.INVALID_DATE, "PID-7")]
    assert "1234567890" not in str(caught.value)


@pytest.mark.parametrize(
    ("trigger", "kind", "code"), [("A99", "ADT", Code.UNSUPPORTED_TRIGGER), ("R01", "ORU", Code.UNSUPPORTED_MESSAGE)]
)
def test_what_the_pack_does_not_know_is_refused(trigger: str, kind: str, code: Code) -> None:
    decoded = adt("PID|1||1")
    other = Decoded(decoded.format, decoded.tree, f"{kind}^{trigger}", None, b"")

    with pytest.raises(Unprocessable) as caught:
        SMALL.map(other, CONTEXT)
    assert caught.value.code is code


def test_content_without_an_identifier_is_refused_by_its_segment() -> None:
    with pytest.raises(Unprocessable) as caught:
        SMALL.map(adt("PID|1||||TESTER^ANNE"), CONTEXT)

    assert (caught.value.code, caught.value.issues[0].path) == (Code.MISSING_FIELD, "PID")


def test_an_element_that_fhir_requires_is_asked_for_by_its_source_field() -> None:
    with pytest.raises(Unprocessable) as caught:
        SMALL.map(adt("PID|1||1^^^RBD", "PV1|1||WARD7^^BED1||||||||||||||||V1"), CONTEXT)

    assert (Code.MISSING_FIELD, "PV1-2") in [(i.code, i.path) for i in caught.value.issues]


NEEDY = """takes: AL1, patient?
resourceType: MedicationStatement
id: identity(AL1-3.1)
status: "active"
medicationCodeableConcept:
  text: AL1-3.2
subject: patient
dateAsserted: AL1-6
"""
ABOUT_NOBODY = """message: ADT
events:
  A01: patient-admitted-1
happened: MSH-7
focus: statement
resources:
  patient:
    if: present(PID)
    template: Patient(PID)
  statement: Statement(AL1, ref(patient))
"""


@pytest.mark.parametrize(
    ("segments", "wanted"),
    [
        (
            ("PID|1||7", "AL1|1||X|||20260101"),
            "MedicationStatement.medication[x]",
        ),  # one of several types, none of which is there
        (("AL1|1||X^Aspirin",), "MedicationStatement.subject"),  # a reference to what is not there
    ],
)
def test_what_has_no_source_field_is_asked_for_by_its_segment(
    tmp_path: Path, segments: tuple[str, ...], wanted: str
) -> None:
    templates = {"segments__AL1__Statement.yaml": NEEDY, "messages__ADT.yaml": ABOUT_NOBODY}
    pack = hl7_pack(tmp_path, **templates)
    with pytest.raises(Unprocessable) as caught:
        pack.map(adt(*segments), CONTEXT)

    assert [(i.code, i.path) for i in caught.value.issues] == [(Code.MISSING_FIELD, "AL1")]
    assert wanted in caught.value.issues[0].text


def test_a_null_makes_no_element_and_is_told_in_the_header(tmp_path: Path) -> None:
    pack = hl7_pack(tmp_path, "birthDate: PID-7\nmaritalStatus:\n  text: PID-23\n")

    bundle = pack.map(adt('PID|1||7||||""'), CONTEXT).events[0].bundle

    assert "birthDate" not in first(bundle, "Patient")
    assert first(bundle, "MessageHeader")["extension"] == [
        {"url": "urn:carehub:deleted-element", "valueString": "Patient.birthDate"}
    ]


def test_fallback_passes_over_the_absent_but_not_over_null(tmp_path: Path) -> None:
    pack = hl7_pack(tmp_path, "birthDate: PID-7 ?? PID-33\nmaritalStatus:\n  text: PID-23 ?? PID-27.2\n")

    absent = pack.map(adt("PID|1||7" + "|" * 24 + "^Veteran"), CONTEXT).events[0].bundle
    null = pack.map(adt("PID|1||7" + "|" * 20 + '""||||^Veteran'), CONTEXT).events[0].bundle

    assert first(absent, "Patient")["maritalStatus"] == {"text": "Veteran"}
    assert "maritalStatus" not in first(null, "Patient")


def test_constants_alone_make_nothing(tmp_path: Path) -> None:
    pack = hl7_pack(tmp_path, 'telecom:\n  - system: "phone"\n    value: PID-23\n')

    without = pack.map(adt("PID|1||7"), CONTEXT).events[0].bundle
    given = pack.map(adt("PID|1||7" + "|" * 20 + "0123"), CONTEXT).events[0].bundle

    assert "telecom" not in first(without, "Patient")
    assert first(given, "Patient")["telecom"] == [{"system": "phone", "value": "0123"}]


@pytest.mark.parametrize(
    ("policy", "gender", "code"),
    [("fixed other", "other", Code.UNMAPPED_CODE), ("omit", None, Code.UNMAPPED_CODE)],
)
def test_an_unknown_code_goes_by_its_lists_policy(tmp_path: Path, policy: str, gender: str | None, code: Code) -> None:
    codes = f"# unknown: {policy}\n{CODES_HEAD}M,,,male,,t,yes\n"
    pack = hl7_pack(tmp_path, "gender: PID-8 | code(sex)\n", codes__sex_csv=codes)

    mapped = pack.map(adt("PID|1||7|||||Q"), CONTEXT)

    assert first(mapped.events[0].bundle, "Patient").get("gender") == gender
    assert [(i.code, i.path) for i in mapped.issues] == [(code, "PID-8")]


def test_a_refused_unknown_code_stops_the_message(tmp_path: Path) -> None:
    codes = f"# unknown: refuse\n{CODES_HEAD}M,,,male,,t,yes\n"
    pack = hl7_pack(tmp_path, "gender: PID-8 | code(sex)\n", codes__sex_csv=codes)

    with pytest.raises(Unprocessable) as caught:
        pack.map(adt("PID|1||7|||||Q"), CONTEXT)
    assert caught.value.code is Code.UNMAPPED_CODE


def test_a_kept_code_keeps_system_code_and_words(tmp_path: Path) -> None:
    codes = f"# unknown: keep\n# system: urn:example\n{CODES_HEAD}S,,urn:t,U,,t,yes\n"
    pack = hl7_pack(tmp_path, "maritalStatus: PID-16[1] | code(m)\n", codes__m_csv=codes)

    patient = first(pack.map(adt("PID|1||7|||||||||||||X^Tree\\T\\house"), CONTEXT).events[0].bundle, "Patient")

    coding = {"system": "urn:example", "code": "X", "display": "Tree&house"}
    assert patient["maritalStatus"] == {"coding": [coding], "text": "Tree&house"}


def test_an_empty_resource_goes_and_references_to_it_are_dropped(tmp_path: Path) -> None:
    message = (
        "message: ADT\nevents:\n  A01: patient-admitted-1\nperson: patient\nresources:\n  patient: Patient(PID)\n"
        "  visit: Visit(PV1, ref(patient))\n  note: Note(DG1, ref(patient), ref(visit))\n"
    )
    visit = (
        'takes: PV1, subject\nresourceType: Encounter\nid: within(subject, "visit")\nstatus: "unknown"\n'
        "class: PV1-2 | code(class)\nsubject: subject\n"
    )
    note = (
        'takes: DG1, subject, visit\nresourceType: Condition\nid: within(subject, "note", DG1-3.1)\n'
        "code:\n  text: DG1-3.1\nsubject: subject\nencounter: visit\n"
    )
    pack = hl7_pack(
        tmp_path,
        **{
            "messages/ADT.yaml": message,
            "templates/Visit.yaml": visit,
            "templates/Note.yaml": note,
            "codes__class_csv": f"# unknown: keep\n{CODES_HEAD}I,,,IMP,,t,yes\n",
        },
    )

    mapped = pack.map(adt("PID|1||7", "DG1|1||X"), CONTEXT)

    kinds = [e["resource"]["resourceType"] for e in mapped.events[0].bundle["entry"]]
    assert kinds == ["MessageHeader", "Patient", "Condition"]
    assert "encounter" not in first(mapped.events[0].bundle, "Condition")
    assert [i.code for i in mapped.issues] == [Code.DROPPED_REFERENCE]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("M^Wed^L", "Wed"),
        ("M^Wed^L^^^^^^Wed in church \\T\\ court", "Wed in church & court"),
        ('M^Wed^L^^^^^^""', "Wed"),
        ("M^MARRIED", None),
        ('M^""', None),
        ("M", None),
        ("Q^Quietly", "Quietly"),
        ("Q^Quietly^L^^^^^^Quietly so", "Quietly so"),
        ("Q", "Q"),
    ],
)
def test_a_code_list_leaves_the_senders_own_words_as_text(tmp_path: Path, field: str, text: str | None) -> None:
    codes = f"# unknown: keep\n{CODES_HEAD}M,Married,urn:m,M,Married,t,yes\n"
    pack = hl7_pack(tmp_path, "maritalStatus: PID-16[1] | code(m)\n", codes__m_csv=codes)
    mapped = pack.map(adt("PID|1||7" + "|" * 13 + field), CONTEXT)
    assert first(mapped.events[0].bundle, "Patient")["maritalStatus"].get("text") == text


def test_what_becomes_a_fixed_code_keeps_the_senders_own_words(tmp_path: Path) -> None:
    codes = f"# unknown: fixed UNK\n{CODES_HEAD}M,Married,urn:m,M,Married,t,yes\n"
    pack = hl7_pack(tmp_path, "maritalStatus: PID-16[1] | code(m)\n", codes__m_csv=codes)
    status = first(pack.map(adt("PID|1||7" + "|" * 13 + "Q^Quietly"), CONTEXT).events[0].bundle, "Patient")
    assert status["maritalStatus"] == {"coding": [{"system": "urn:m", "code": "UNK"}], "text": "Quietly"}


def test_other_delimiters_and_escapes_are_read_as_declared(tmp_path: Path) -> None:
    pack = hl7_pack(tmp_path, "maritalStatus:\n  text: PID-27.2\n")
    decoded = adt("PID|1||7" + "|" * 24 + "^Fish\\T\\Chips\\S\\more")

    assert first(pack.map(decoded, CONTEXT).events[0].bundle, "Patient")["maritalStatus"] == {"text": "Fish&Chips^more"}


def test_the_parts_of_a_component_are_subcomponents() -> None:
    patient = first(SMALL.map(adt("PID|1||1^^^RBD&1.2.3&ISO"), CONTEXT).events[0].bundle, "Patient")

    assert patient["identifier"][0]["system"] == "urn:carehub:identifiers:dch-pas:RBD"


def test_a_number_keeps_the_digits_it_was_written_with() -> None:
    mapped = SMALL.map(adt("PID|1||1^^^RBD", "OBX|1|NM|WT^Weight||71.50|kg|||||F|||20260102"), CONTEXT)

    assert first(mapped.events[0].bundle, "Observation")["valueQuantity"]["value"] == Decimal("71.50")


def test_the_unmapped_is_what_no_value_was_read_from() -> None:
    mapped = SMALL.map(adt("PID|1||1^^^RBD~^^^X|ALT|A^B^^^^^L", "ZZZ|loose"), CONTEXT, account=True)

    assert "PID-3.1" in mapped.used
    assert [p for p in mapped.unmapped if not p.startswith("MSH")] == [
        "PID-1",
        "PID-3[2].4",
        "PID-4",
        "PID-5.7",
        "ZZZ-1",
    ]


def test_a_fault_at_run_time_names_the_line_of_the_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(REGISTRY["date"], run=lambda *_: 1 / 0)
    monkeypatch.setitem(REGISTRY, "date", broken)
    pack = hl7_pack(tmp_path, "birthDate: PID-7\n")

    with pytest.raises(ZeroDivisionError) as caught:
        pack.map(adt("PID|1||7||||19600203"), CONTEXT)
    assert caught.value.__notes__ == ["while mapping by mine/segments/PID/Patient.yaml:6:12"]


# rows

SPELL = {
    **ROWS,
    "fields.csv": (
        "message,name,type,repeats\n,table,text,\n,Person Id,text,\n,Spell.Id,text,\n,wards,list,\n,wards.name,text,\n"
    ),
    "messages/MHS001.yaml": (
        'message: MHS001\nevent: "patient-updated-1"\nsnapshot: true\nperson: patient\nfocus: patient\n'
        "remember:\n  patient: patient\nresources:\n  patient: Patient()\n"
    ),
    "messages/MHS501.yaml": (
        'message: MHS501\nevent: "patient-admitted-1"\nparents:\n  patient: Patient identity(Person_Id)\n'
        "person: patient\nfocus: spell\nresources:\n  patient: parent.patient\n  spell: Spell(ref(patient))\n"
    ),
    "templates/Patient.yaml": "resourceType: Patient\nid: identity(Person_Id)\nidentifier:\n  - value: Person_Id\n",
    "templates/Spell.yaml": (
        'takes: subject\nresourceType: EpisodeOfCare\nid: identity(Spell.Id, "spell")\nstatus: "active"\n'
        "patient: subject\nidentifier:\n  - value: Spell.Id\ntype:\n  each: wards\n  text: wards.name\n"
    ),
}


def test_a_row_waits_for_its_parent_and_takes_its_patient_from_it(tmp_path: Path) -> None:
    pack = load_pack("mine", [write_pack(tmp_path, SPELL)])
    person = row(**{"table": "MHS001MPI", "Person Id": "P1"})
    spell = row(table="MHS501", Spell={"Id": "S1"}, wards=[{"name": "A"}, {"name": "B"}], **{"Person Id": "P1"})

    (parent,) = pack.parents(spell, CONTEXT)
    with pytest.raises(Unprocessable) as caught:
        pack.map(spell, CONTEXT)
    (state,) = pack.map(person, CONTEXT).events[0].states
    event = pack.map(spell, knowing({state.resource_id: state.state})).events[0]

    assert (parent.resource_type, parent.resource_id, parent.path) == ("Patient", state.resource_id, "Person Id")
    assert caught.value.code is Code.PARENT_UNKNOWN
    assert state.snapshot
    assert event.subject == state.resource_id
    assert first(event.bundle, "Patient") == state.state.patient
    assert first(event.bundle, "EpisodeOfCare")["type"] == [{"text": "A"}, {"text": "B"}]


@pytest.mark.parametrize(
    ("identity", "named"),
    [
        ("identity(Person_Id)", "Person Id"),
        ('national("https://fhir.nhs.uk/Id/nhs-number", Spell.Id | nhs_number) ?? identity(Person_Id)', "Spell.Id"),
    ],
)
def test_a_row_that_tells_nobody_apart_is_refused_by_the_column_that_would(
    tmp_path: Path, identity: str, named: str
) -> None:
    patient = f"resourceType: Patient\nid: {identity}\nname:\n  - text: wards[1].name\n"
    pack = load_pack("mine", [write_pack(tmp_path, SPELL | {"templates/Patient.yaml": patient})])

    with pytest.raises(Unprocessable) as caught:
        pack.map(row(table="MHS001", wards=[{"name": "A"}], **{"Person Id": " "}), CONTEXT)

    assert [(i.code, i.path) for i in caught.value.issues] == [(Code.MISSING_FIELD, named)]
    assert "cannot be told from others" in caught.value.issues[0].text


def test_a_row_without_the_column_that_refers_is_refused_by_that_columns_name(tmp_path: Path) -> None:
    pack = load_pack("mine", [write_pack(tmp_path, SPELL)])

    with pytest.raises(Unprocessable) as caught:
        pack.parents(row(table="MHS501", Spell={"Id": "S1"}), CONTEXT)
    assert (caught.value.code, caught.value.issues[0].path) == (Code.MISSING_FIELD, "Person Id")


def test_a_fhir_message_passes_under_ids_of_the_hub(tmp_path: Path) -> None:
    files = {
        "pack.yaml": 'pack: mine\nversion: "1.0.0"\nlanguage: 1\nformat: fhir\n',
        "messages/booking-request.yaml": (
            "message: booking-request\npass: entries\nevent:\n  cases:\n    booked:\n"
            '      if: header.reason.coding.code = "new"\n      type: "appointment-booked-1"\n'
            "person: Appointment.participant.actor\nresources:\n  Appointment:\n"
            '    comment: {if: Appointment.status = "proposed", then: "passed on"}\n'
        ),
    }
    pack = load_pack("mine", [write_pack(tmp_path, files)])
    header = {
        "resourceType": "MessageHeader",
        "id": "h",
        "eventCoding": {"code": "booking-request"},
        "reason": {"coding": [{"code": "new"}]},
        "focus": [{"reference": "urn:uuid:a"}],
    }
    booking = {
        "resourceType": "Appointment",
        "id": "a",
        "status": "proposed",
        "participant": [{"actor": {"reference": "urn:uuid:p"}}],
    }
    person = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:x", "value": "1"}]}
    entries = [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in (header, booking, person)]
    decoded = Decoded(Format.FHIR, {"resourceType": "Bundle", "entry": entries}, "booking-request", "m", b"")

    (event,) = pack.map(decoded, CONTEXT).events

    patient, appointment = first(event.bundle, "Patient"), first(event.bundle, "Appointment")
    passed = first(event.bundle, "MessageHeader")
    assert event.type == "appointment-booked-1"
    assert event.subject == patient["id"] != "p"
    assert appointment["participant"][0]["actor"] == {"reference": f"urn:uuid:{patient['id']}"}
    assert passed["focus"] == [{"reference": f"urn:uuid:{appointment['id']}"}]
    assert passed["eventCoding"] == {"code": "booking-request"}
    assert appointment["comment"] == "passed on"
    assert booking["id"] == "a", "the decoded message is left as it came"


# events

SEVERAL = {
    **HL7,
    "messages/ADT.yaml": HL7["messages/ADT.yaml"].replace(
        "  A01: patient-admitted-1\n", "  A01 A04: patient-admitted-1\n  A20: none\n  else: patient-updated-1\n"
    ),
}


@pytest.mark.parametrize(
    ("trigger", "event"),
    [("A01", "patient-admitted-1"), ("A04", "patient-admitted-1"), ("Z99", "patient-updated-1")],
)
def test_a_trigger_makes_its_event_or_what_else_makes(tmp_path: Path, trigger: str, event: str) -> None:
    pack = load_pack("mine", [write_pack(tmp_path, SEVERAL)])

    assert [e.type for e in pack.map(adt("PID|1||7", trigger=trigger), CONTEXT).events] == [event]


def test_a_trigger_of_none_is_refused_although_others_are_not(tmp_path: Path) -> None:
    with pytest.raises(Unprocessable) as refused:
        load_pack("mine", [write_pack(tmp_path, SEVERAL)]).map(adt("PID|1||7", trigger="A20"), CONTEXT)

    assert refused.value.code is Code.UNSUPPORTED_TRIGGER


def test_what_a_function_makes_goes_into_a_code_or_an_address_as_fhir_writes_those(tmp_path: Path) -> None:
    status = """maritalStatus:
  coding:
    - system: join(":", PID-16[1].3, PID-16[1].2)
      code: upper(PID-16[1].1)
"""
    pack = hl7_pack(tmp_path, status)

    mapped = pack.map(adt("PID|1||7" + "|" * 13 + "not  known^a b^urn"), CONTEXT)

    assert first(mapped.events[0].bundle, "Patient")["maritalStatus"] == {
        "coding": [{"system": "urn:a%20b", "code": "NOT KNOWN"}]
    }


def test_a_code_that_is_called_a_blank_has_no_display(tmp_path: Path) -> None:
    codes = f"# unknown: keep\n# system: urn:example\n{CODES_HEAD}S,,urn:t,U,,t,yes\n"
    pack = hl7_pack(tmp_path, "maritalStatus: PID-16[1] | code(marital)\n", codes__marital_csv=codes)

    mapped = pack.map(adt("PID|1||7" + "|" * 13 + "Q^\xa0^L^^^^^^ "), CONTEXT)

    assert first(mapped.events[0].bundle, "Patient")["maritalStatus"] == {
        "coding": [{"system": "urn:example", "code": "Q"}],
        "text": "Q",
    }
