"""Groups of segments: what stands in which, and what a name means inside one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contract.errors import Code, Unprocessable
from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.language import CompiledPack, load_pack
from mappings.language.problems import PackError
from mappings.language.runtime.segments import Group, GroupKind, Part, Structure
from tests.mappings.language.folders import CONTEXT, HL7, write_pack

RESULTS = Structure(
    (
        GroupKind("PATIENT", ("PID",)),
        GroupKind("ORDER", ("ORC", "OBR"), ("PATIENT",)),
        GroupKind("OBSERVATION", ("OBX",), ("ORDER",)),
        GroupKind("SPECIMEN", ("SPM",), ("ORDER",), frozenset({"NTE", "OBX"})),
    ),
    "PATIENT",
)

ORU = """
message: ORU
events:
  R01: observation-reported-1
groups:
  PATIENT: [PID]
  ORDER: {starts: [ORC, OBR], inside: PATIENT}
  OBSERVATION: {starts: OBX, inside: ORDER}
each: PATIENT
person: patient
focus: report ?? patient
resources:
  patient: Patient(PID)
  report:
    each: ORDER
    template: Report(OBR, ORC, ref(patient))
    result: ref(observation)
    conclusion: NTE-3[1]
  observation:
    each: OBSERVATION
    template: Observation(OBX, ref(report), ref(patient))
    note:
      each: NTE
      text: NTE-3[1]
"""
REPORT = """
takes: OBR, ORC, patient
resourceType: DiagnosticReport
id: identity(OBR-3.1 ?? ORC-3.1)
status: "final"
code: {text: OBR-4.2}
subject: patient
"""
OBSERVATION = """
takes: OBX, report, patient
resourceType: Observation
id: within(report ?? patient, "observation", OBX-3.1)
status: "final"
code: {text: OBX-3.1}
subject: patient
valueDateTime: OBX-14
"""


def oru(*segments: str) -> Any:
    return decode_hl7v2("\r".join(["MSH|^~\\&|LAB|RBD|||20260102030405||ORU^R01|M1|P|2.5", *segments]).encode())


def pack(folder: Path, message: str = ORU) -> CompiledPack:
    files = dict(HL7) | {
        "messages/ORU.yaml": message,
        "segments/OBR/Report.yaml": REPORT,
        "segments/OBX/Observation.yaml": OBSERVATION,
    }
    return load_pack("mine", [write_pack(folder, files)])


def shape(group: Group) -> str:
    """`ORDER(ORC OBR OBSERVATION(OBX NTE))`: own segments in order, then the groups inside."""
    own = [s.name for s in sorted(group.segments(), key=lambda s: s.index)]
    return f"{group.kind.name}({' '.join([*own, *map(shape, group.inner)])})"


def shapes(*segments: str) -> list[str]:
    (part,) = RESULTS.parts(oru(*segments).tree)
    assert isinstance(part, Part)
    return [shape(group) for group in part.groups("PATIENT")]


def test_each_segment_stands_in_the_group_that_it_follows() -> None:
    segments = ["PID|1", "NTE|1", "PV1|1", "ORC|RE", "OBR|1", "NTE|1", "OBX|1", "NTE|1", "OBX|2", "OBR|2", "OBX|1"]

    assert shapes(*segments) == [
        "PATIENT(PID NTE PV1 ORDER(ORC OBR NTE OBSERVATION(OBX NTE) OBSERVATION(OBX)) ORDER(OBR OBSERVATION(OBX)))"
    ]


def test_an_order_may_start_with_either_of_its_segments_and_others_may_stand_between() -> None:
    assert shapes("PID|1", "ORC|RE", "TQ1|1", "OBR|1", "ORC|RE", "OBR|2", "ORC|RE") == [
        "PATIENT(PID ORDER(ORC TQ1 OBR) ORDER(ORC OBR) ORDER(ORC))"
    ]


def test_what_speaks_of_what_stands_before_it_starts_a_group_only_where_the_file_says_so() -> None:
    kinds = [
        GroupKind("PATIENT", ("PID",)),
        GroupKind("VISIT", ("PV1",), ("PATIENT",)),
        GroupKind("PART", ("PRT",), ("VISIT",)),
        GroupKind("OBSERVATION", ("OBX",), ("VISIT",)),
    ]
    (part,) = Structure(kinds).parts(oru("PID|1", "PRT|1", "PV1|1", "PRT|2", "NTE|1", "PRT|3", "OBX|1", "PRT|4").tree)
    assert isinstance(part, Part)
    assert [shape(group) for group in part.groups("PATIENT")] == [
        "PATIENT(PID PRT VISIT(PV1 PART(PRT NTE) PART(PRT) OBSERVATION(OBX PRT)))"
    ]


def test_what_a_group_owns_does_not_start_another() -> None:
    assert shapes("PID|1", "OBR|1", "OBX|1", "SPM|1", "OBX|1", "NTE|1") == [
        "PATIENT(PID ORDER(OBR OBSERVATION(OBX) SPECIMEN(SPM OBX NTE)))"
    ]


def test_a_group_whose_surroundings_are_missing_is_still_a_group() -> None:
    assert shapes("PID|1", "OBX|1", "ZZZ|1") == ["PATIENT(PID ORDER(OBSERVATION(OBX ZZZ)))"]
    assert shapes("OBR|1", "OBX|1") == ["PATIENT(ORDER(OBR OBSERVATION(OBX)))"]


def test_a_name_means_the_groups_own_segments_then_those_around_it_but_never_a_neighbours() -> None:
    (part,) = RESULTS.parts(oru("PID|1", "PV1|1", "NTE|9", "OBR|1", "TQ1|1", "NTE|1", "OBX|1", "OBR|2", "OBX|2").tree)
    first, second = part.groups("OBSERVATION")

    assert [s.field(1) for s in first.all("OBR") + second.all("OBR")] == ["1", "2"]
    assert [len(g.all("TQ1")) for g in (first, second)] == [1, 0], "the timing is the first order's"
    assert second.all("PV1")[0].name == "PV1", "the visit stands around both"
    assert not first.all("NTE"), "notes are of what they follow"


def test_two_patients_are_two_parts_and_share_what_stands_before_them() -> None:
    one, other = RESULTS.parts(oru("SFT|x", "PID|1", "OBR|1", "OBX|1", "PID|2", "OBR|2").tree)

    assert [p.all("PID")[0].field(1) for p in (one, other)] == ["1", "2"]
    assert [len(p.all("OBX")) for p in (one, other)] == [1, 0]
    assert [len(p.all("SFT")) for p in (one, other)] == [1, 1]


def test_observations_belong_to_their_own_report_and_notes_to_their_own_observation(tmp_path: Path) -> None:
    segments = [
        "PID|1||7",
        "NTE|1||of nobody",
        "ORC|RE||F1",
        "OBR|1|||^Bloods",
        "OBX|1|ST|HB",
        "NTE|1||low",
        "OBX|2|ST|WBC",
    ]
    segments += ["OBR|2||F2|^Urine", "NTE|1||cloudy", "OBX|1|ST|HB"]
    (event,) = pack(tmp_path).map(oru(*segments), CONTEXT).events
    resources = [e["resource"] for e in event.bundle["entry"]]
    reports = [r for r in resources if r["resourceType"] == "DiagnosticReport"]
    observations = {f"urn:uuid:{r['id']}": r for r in resources if r["resourceType"] == "Observation"}

    told = [(r["code"]["text"], [observations[o["reference"]]["code"]["text"] for o in r["result"]]) for r in reports]
    assert told == [("Bloods", ["HB", "WBC"]), ("Urine", ["HB"])]
    assert [r.get("conclusion") for r in reports] == [None, "cloudy"]
    assert [o.get("note") for o in observations.values()] == [[{"text": "low"}], None, None]


def test_complaints_number_segments_as_they_stand_in_the_message(tmp_path: Path) -> None:
    segments = ["PID|1||7", "OBR|1||F1|^A", "OBX|1|ST|HB", "OBR|2||F2|^B", "OBX|1|ST|HB|||||||||||soon"]
    with pytest.raises(Unprocessable) as caught:
        pack(tmp_path).map(oru(*segments), CONTEXT)

    assert [(i.code, i.path) for i in caught.value.issues] == [(Code.INVALID_DATE, "OBX[2]-14")]


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("inside: ORDER}", "inside: ORDERS}", "there is no group `ORDERS` above OBSERVATION"),
        ("starts: OBX", "starts: OBY", "there is no segment `OBY`"),
        ("starts: OBX", "begins: OBX", "a group has no `begins`"),
        ("  PATIENT: [PID]", "  PID: [PID]", "`PID` is a segment"),
        ("each: PATIENT", "each: PERSON", "there is no group `PERSON`"),
        ("Report(OBR, ORC, ref(patient))", "Report(ORDER, ORC, ref(patient))", "a template takes segments"),
        ("      each: NTE", "      each: SPECIMEN", "there is no `SPECIMEN` here"),
        ("conclusion: NTE-3[1]", "category:\n      each: PATIENT\n      text: NTE-3[1]", "does not stand inside ORDER"),
    ],
)
def test_mistakes_about_groups_say_what_is_wrong(tmp_path: Path, wrong: str, right: str, said: str) -> None:
    assert wrong in ORU
    with pytest.raises(PackError) as caught:
        pack(tmp_path, ORU.replace(wrong, right))

    assert said in str(caught.value)
