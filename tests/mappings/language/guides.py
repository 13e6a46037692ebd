"""A small guide and a small pack that follows it, for the tests of coverage."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from mappings.formats.hl7v2 import dictionary
from mappings.language.samples import accept_samples
from tests.mappings.language.folders import CODES_HEAD, write_pack

_HEADER: Final = (
    "Sort Order,Identifier,Name,Data Type,Min,Max,Computable ANTLR,Computable FHIRPath,Narrative,FHIR Attribute,,"
    "Data Type,Min,Max,Data Type Mapping,Vocabulary Mapping,Assignment"
)

Line: TypeAlias = Sequence[str]
"""Source, attribute, then what is wanted of: condition, data type mapping, assignment."""

PACK: Final = {
    "pack.yaml": 'pack: mine\nversion: "1.0.0"\nlanguage: 1\nformat: hl7v2\n',
    "messages/ADT.yaml": """\
message: ADT
events:
  A01: patient-admitted-1
happened: EVN-2
person: patient
resources:
  patient: Patient(PID)
  encounter:
    if: present(PV1)
    template: Encounter(PV1, ref(patient))
""",
    "segments/PID/Patient.yaml": """\
takes: PID
resourceType: Patient
id: identity(PID-3[1].1)
identifier:
  - PID-3
extension:religion:
  url: "urn:religion"
  valueString: PID-17.1
name: PID-5
gender: PID-8 | code(sex)
birthDate: PID-7
maritalStatus:
  text: PID-17.2                 # wrong on purpose: PID-16 is the marital status
telecom:
  - value: PID-13[1].1
    use: "home"
  - value: PID-14[1].1
""",
    "segments/PV1/Encounter.yaml": """\
takes: PV1, subject
resourceType: Encounter
id: identity(PV1-19.1)
status: "in-progress"
class: PV1-2 | code(class)
subject: subject
participant:
  - individual: PV1-7[1]
  - individual: PV1-8[1]
""",
    "datatypes/CX/Identifier.yaml": "takes: CX\nvalue: CX.1\n",
    "datatypes/XPN/HumanName.yaml": """\
takes: XPN
family: XPN.1
given:
  - XPN.2
suffix:
  - XPN.5                        # wrong on purpose: XPN.5 is the prefix
""",
    "datatypes/XCN/Practitioner.yaml": """\
takes: XCN
resourceType: Practitioner
id: identity(XCN.1)
identifier:
  - value: XCN.1
name:
  - family: XCN.2.1
""",
    "codes/sex.csv": (
        f"# unknown: fixed unknown\n{CODES_HEAD}F,Female,http://hl7.org/fhir/administrative-gender,female,Female,x,yes\n"
    ),
    "codes/class.csv": f"# unknown: keep\n{CODES_HEAD}I,Inpatient,urn:class,IMP,inpatient,x,no\n",
    "samples/one/message.hl7": (
        "MSH|^~\\&|PAS|RBD|||20260102030405||ADT^A01|M1|P|2.4\r"
        "EVN||20260102\r"
        "PID|||P1||ASHDOWN^Ann^^^DR|||F|||||01632 960001|01632 960002|||M^M\r"
        "PV1||I|||||C1^OKAFOR|^NOBODY|||||||||||V1\r"
    ),
}


def write_guide(folder: Path, tables: Mapping[str, Sequence[Line]]) -> Path:
    """Tables by name, `PID[Patient]`."""
    for name, lines in tables.items():
        part = folder / ("segments" if name.partition("[")[0] in dictionary.segments() else "datatypes")
        part.mkdir(parents=True, exist_ok=True)
        with (part / f"HL7 - FHIR R4_ {name} - Sheet1.csv").open("w", encoding="utf-8-sig", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["HL7 v2"])
            writer.writerow(_HEADER.split(","))
            for line in lines:
                identifier, attribute, condition, uses, assigned = (*line, "", "", "")[:5]
                before = ["1", identifier, "", "", "", "", condition, "", ""]
                writer.writerow([*before, attribute, "", "", "", "", uses, "", assigned])
    return folder


def write_followed(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """The pack with these files changed, and its sample's golden as it maps today. Gives the search path's entry."""
    write_pack(folder, PACK | dict(files or {}))
    accept_samples("mine", [folder])
    return folder
