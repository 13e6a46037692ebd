"""What result messages need of the language: nothing lost that looks alike, text lines in one, conditions over many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.language import CompiledPack, load_pack
from mappings.language.problems import PackError
from tests.mappings.language.folders import CONTEXT, HL7, write_pack

ORU = """
message: ORU OUL^R24
event:
  cases:
    corrected:
      if: any(OBX, OBX-11 in ("C", "D"))
      type: report-corrected-1
    issued:
      else: true
      type: report-issued-1
continued:
  OBX-5: {OBX-2: [TX, FT]}
  NTE-3: always
groups:
  PATIENT: [PID]
  ORDER: {starts: [ORC, OBR], inside: PATIENT}
  SPECIMEN: {starts: SPM, inside: ORDER, own: SAC}
  OBSERVATION: {starts: OBX, inside: [ORDER, SPECIMEN]}
each: PATIENT
person: patient
focus: report
resources:
  patient: Patient(PID)
  specimen:
    each: SPECIMEN
    resourceType: Specimen
    id: identity(SPM-2.1.1)
    note:
      - text: SAC-3.1
  report:
    each: ORDER
    template: Report(OBR, ORC, ref(patient))
    result: ref(observation)
  observation:
    each: OBSERVATION
    template: Observation(OBX, ref(report), ref(patient), only(ref(specimen)))
    note:
      each: NTE
      text: paragraph(NTE-3[*])
"""
REPORT = """
takes: OBR, ORC, patient
resourceType: DiagnosticReport
id: distinct(identity(OBR-3.1 ?? ORC-3.1))
status: "final"
code: {text: OBR-4.2}
subject: patient
"""
OBSERVATION = """
takes: OBX, report, patient, specimen
resourceType: Observation
id: distinct(within(report ?? patient, "observation", OBX-3.1))
status: "final"
code: {text: OBX-3.1}
subject: patient
specimen: specimen
valueString: paragraph(OBX-5[*])
"""
FILES = HL7 | {
    "messages/ORU.yaml": ORU,
    "segments/OBR/Report.yaml": REPORT,
    "segments/OBX/Observation.yaml": OBSERVATION,
}


def pack(folder: Path, message: str = ORU) -> CompiledPack:
    return load_pack("mine", [write_pack(folder, FILES | {"messages/ORU.yaml": message})])


def oru(*segments: str, kind: str = "ORU^R01") -> Any:
    return decode_hl7v2("\r".join([f"MSH|^~\\&|LAB|RBD|||20260102030405||{kind}|M1|P|2.5", *segments]).encode())


def found(mapped: Any, kind: str) -> list[Any]:
    return [e["resource"] for e in mapped.events[0].bundle["entry"] if e["resource"]["resourceType"] == kind]


def test_equal_observations_both_come_through_with_ids_that_stay(tmp_path: Path) -> None:
    compiled = pack(tmp_path)
    message = oru(
        "PID|1||7", "OBR|1||F1|^A", "OBX|1|ST|ORG||E. coli", "OBX|2|ST|ORG||Klebsiella", "OBX|3|ST|ORG||E. coli"
    )
    one, other = (found(compiled.map(message, CONTEXT), "Observation") for _ in range(2))

    assert [o["valueString"] for o in one] == ["E. coli", "Klebsiella", "E. coli"]
    assert len({o["id"] for o in one}) == 3
    assert [o["id"] for o in one] == [o["id"] for o in other]


def test_the_first_of_equal_ones_has_the_id_that_it_has_alone(tmp_path: Path) -> None:
    compiled = pack(tmp_path)
    alone = found(compiled.map(oru("PID|1||7", "OBR|1||F1|^A", "OBX|1|ST|ORG||E. coli"), CONTEXT), "Observation")
    twice = found(compiled.map(oru("PID|1||7", "OBR|1||F1|^A", *["OBX|1|ST|ORG||x"] * 2), CONTEXT), "Observation")

    assert twice[0]["id"] == alone[0]["id"] != twice[1]["id"]


def test_lines_of_a_text_are_one_value_and_keep_their_setting(tmp_path: Path) -> None:
    lines = [
        "OBX|1|TX|REP||CHEST X-RAY",
        "OBX|2|TX|REP||",
        "OBX|3|TX|REP||   Heart    normal",
        "OBX|4|TX|REP||Lungs clear.",
    ]
    (observation,) = found(pack(tmp_path).map(oru("PID|1||7", "OBR|1||F1|^A", *lines), CONTEXT), "Observation")

    assert observation["valueString"] == "CHEST X-RAY\n\n   Heart    normal\nLungs clear."


@pytest.mark.parametrize(
    "second",
    [
        pytest.param("OBX|2|TX|OTHER||b", id="another code"),
        pytest.param("OBX|2|TX|REP|1|b", id="another sub-id"),
        pytest.param("OBX|2|TX|REP||b||||||C", id="another status"),
        pytest.param("OBX|2|FT|REP||b", id="another type"),
    ],
)
def test_what_differs_in_more_than_its_text_is_another_observation(tmp_path: Path, second: str) -> None:
    mapped = pack(tmp_path).map(oru("PID|1||7", "OBR|1||F1|^A", "OBX|1|TX|REP||a", second), CONTEXT)

    assert [o["valueString"] for o in found(mapped, "Observation")] == ["a", "b"]


def test_a_comment_between_lines_ends_the_text_and_its_own_lines_are_one(tmp_path: Path) -> None:
    segments = ["OBX|1|TX|REP||a", "NTE|1||first", "NTE|2||second", "OBX|2|TX|REP||b"]
    mapped = pack(tmp_path).map(oru("PID|1||7", "OBR|1||F1|^A", *segments), CONTEXT)

    told = [(o["valueString"], [n["text"] for n in o.get("note", ())]) for o in found(mapped, "Observation")]
    assert told == [("a", ["first\nsecond"]), ("b", [])]


def test_lines_are_counted_as_mapped_where_they_stand(tmp_path: Path) -> None:
    segments = ["PID|1||7", "OBR|1||F1|^A", "OBX|1|TX|REP||a", "OBX|2|TX|REP||b", "OBX|3|ST|HB||c|g/L"]
    unmapped = pack(tmp_path).map(oru(*segments), CONTEXT, account=True).unmapped

    assert [path for path in unmapped if path.startswith("OBX")] == [
        "OBX-1",
        "OBX-2",
        "OBX[3]-1",
        "OBX[3]-2",
        "OBX[3]-6",
    ]


def test_one_among_many_decides_the_event(tmp_path: Path) -> None:
    compiled = pack(tmp_path)
    head = ["PID|1||7", "OBR|1||F1|^A", "OBX|1|ST|HB||a||||||F"]

    assert compiled.map(oru(*head), CONTEXT).events[0].type == "report-issued-1"
    assert compiled.map(oru(*head, "OBX|2|ST|K||b||||||C"), CONTEXT).events[0].type == "report-corrected-1"


def test_an_observation_has_the_only_specimen_of_its_order_and_none_where_there_are_two(tmp_path: Path) -> None:
    compiled = pack(tmp_path)
    orders = ["PID|1||7", "OBR|1||F1|^A", "OBX|1|ST|HB||a", "SPM|1|S1", "OBX|1|ST|VOL||b", "SAC|||C1"]
    orders += ["OBR|2||F2|^B", "OBX|1|ST|K||c", "SPM|1|S2", "SAC|||C2", "SPM|2|S3", "SAC|||C3"]
    mapped = compiled.map(oru(*orders), CONTEXT)
    first, *_ = (f"urn:uuid:{s['id']}" for s in found(mapped, "Specimen"))

    told = {o["code"]["text"]: o.get("specimen", {}).get("reference") for o in found(mapped, "Observation")}
    assert told == {"HB": first, "VOL": first, "K": None}
    assert found(mapped, "Specimen")[0]["note"] == [{"text": "C1"}], (
        "the container is the specimen's, not the observation's"
    )


def test_the_first_of_several_stands_in_a_single_element(tmp_path: Path) -> None:
    message = (
        ORU
        + """  organisation:
    each: NK1
    resourceType: Organization
    id: identity(NK1-2[1].1.1)
    name: NK1-2[1].1.1
  chosen:
    resourceType: HealthcareService
    id: identity(MSH-10)
    comment: MSH-10
    providedBy: first(ref(organisation))
"""
    )
    compiled = pack(tmp_path, message)
    two = compiled.map(oru("PID|1||7", "NK1|1|North", "NK1|2|South", "OBR|1||F1|^A"), CONTEXT)
    none = compiled.map(oru("PID|1||7", "OBR|1||F1|^A"), CONTEXT)

    north = next(o for o in found(two, "Organization") if o["name"] == "North")
    assert found(two, "HealthcareService")[0]["providedBy"] == {"reference": f"urn:uuid:{north['id']}"}
    assert "providedBy" not in found(none, "HealthcareService")[0]


def test_an_order_may_come_behind_its_request_when_it_follows_at_once(tmp_path: Path) -> None:
    segments = ["PID|1||7", "OBR|1|||^A", "PRT|x", "ORC|RE||F1", "OBX|1|ST|HB||a", "ORC|RE||F2", "OBR|2|||^B"]
    reports = found(pack(tmp_path).map(oru(*segments), CONTEXT), "DiagnosticReport")

    assert [(r["code"]["text"], len(r.get("result", ()))) for r in reports] == [("A", 1), ("B", 0)]


def test_one_file_is_for_several_kinds_and_for_single_triggers(tmp_path: Path) -> None:
    compiled = pack(tmp_path)
    segments = ["PID|1||7", "OBR|1||F1|^A"]

    assert compiled.map(oru(*segments, kind="OUL^R24"), CONTEXT).events[0].type == "report-issued-1"
    assert not compiled.recognises(oru(*segments, kind="OUL^R22"))


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("any(OBX, OBX-11", 'any("OBX", OBX-11', "`any` takes a segment"),
        ("OBX-5: {OBX-2: [TX, FT]}", "OBX-555: {OBX-2: [TX, FT]}", "there is no field `OBX-555`"),
        ("OBX-5: {OBX-2: [TX, FT]}", "OBX-5: {NTE-2: [TX]}", "OBX-5 goes on always, or where a field of its segment"),
        ("NTE-3: always", "NTE-3: often", "NTE-3 goes on always"),
        ("only(ref(specimen))", "only(ref(patient))", "`only` stands inside a group"),
    ],
)
def test_mistakes_say_what_is_wrong(tmp_path: Path, wrong: str, right: str, said: str) -> None:
    assert wrong in ORU
    with pytest.raises(PackError) as caught:
        pack(tmp_path, ORU.replace(wrong, right))

    assert said in str(caught.value)


def test_names_for_expressions_do_not_make_a_resource_of_references_alone(tmp_path: Path) -> None:
    named = OBSERVATION.replace("id: ", "let:\n  value: OBX-5[1]\nid: ", 1).replace("paragraph(OBX-5[*])", "value")
    named = named.replace("code: {text: OBX-3.1}", 'code: {text: "told"}')
    files = FILES | {"segments/OBX/Observation.yaml": named}
    compiled = load_pack("mine", [write_pack(tmp_path, files)])
    mapped = compiled.map(oru("PID|1||7", "OBR|1||F1|^A", "OBX|1|ST|HB||a", "OBX|2|ST|K"), CONTEXT)

    assert [o["valueString"] for o in found(mapped, "Observation")] == ["a"]


def test_lines_that_differ_in_an_ignored_field_are_one_text_and_others_are_not(tmp_path: Path) -> None:
    lines = ["PID|1||7", "OBR|1||F1|^A", "OBX|1|TX|LETTER|1|Dear", "OBX|2|TX|LETTER|2|Gale", "OBX|3|TX|PLAN|3|Rest"]
    ignoring = ORU.replace("{OBX-2: [TX, FT]}", "{OBX-2: [TX, FT], ignoring: [OBX-4]}")
    apart = found(pack(tmp_path / "apart").map(oru(*lines), CONTEXT), "Observation")
    joined = found(pack(tmp_path / "joined", ignoring).map(oru(*lines), CONTEXT), "Observation")

    assert [o["valueString"] for o in apart] == ["Dear", "Gale", "Rest"]
    assert [o["valueString"] for o in joined] == ["Dear\nGale", "Rest"]


@pytest.mark.parametrize("named", ["[PID-3]", "[OBX-400]", "[four]"])
def test_an_ignored_field_that_is_none_of_the_segment_is_a_mistake(tmp_path: Path, named: str) -> None:
    message = ORU.replace("{OBX-2: [TX, FT]}", f"{{OBX-2: [TX, FT], ignoring: {named}}}")
    with pytest.raises(PackError, match="`ignoring` names fields of OBX"):
        pack(tmp_path, message)
