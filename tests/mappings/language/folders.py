"""Small packs written for one test each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from contract.identifiers import ResourceIds
from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.language import CompiledPack, load_pack
from mappings.stages import Decoded, Format, MapContext, ParentState, Sender

FIXTURES: Final = Path(__file__).parent / "fixtures"
CODES_HEAD: Final = "code,display,target_system,target_code,target_display,from,verified\n"
CONTEXT: Final = MapContext(Sender("dch-pas", "dch-pas", "RBD"), ResourceIds(b"test"), datetime(2026, 1, 1, tzinfo=UTC))

HL7: Final = {
    "pack.yaml": 'pack: mine\nversion: "1.0.0"\nlanguage: 1\nformat: hl7v2\n',
    "messages/ADT.yaml": (
        "message: ADT\nevents:\n  A01: patient-admitted-1\nhappened: MSH-7\nperson: patient\n"
        "resources:\n  patient: Patient(PID)\n"
    ),
    "segments/PID/Patient.yaml": (
        "takes: PID\nresourceType: Patient\nid: identity(PID-3[1].1)\nidentifier:\n  - value: PID-3[1].1\n"
    ),
}
ROWS: Final = {"pack.yaml": 'pack: mine\nversion: "1.0.0"\nlanguage: 1\nformat: json\nkind: table\n'}


def write_pack(folder: Path, files: Mapping[str, str], name: str = "mine") -> Path:
    """Writes a pack below `folder` and gives the search path's entry."""
    for relative, text in files.items():
        path = folder / name / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def hl7_pack(folder: Path, patient: str = "", **files: str) -> CompiledPack:
    """The smallest ADT pack, with more lines in its Patient template and more files (`codes__x_csv`)."""
    every = dict(HL7) | {name.replace("__", "/").replace("_csv", ".csv"): text for name, text in files.items()}
    every["segments/PID/Patient.yaml"] += patient
    return load_pack("mine", [write_pack(folder, every)])


def adt(*segments: str, trigger: str = "A01") -> Decoded:
    header = f"MSH|^~\\&|PAS|RBD|||20260102030405||ADT^{trigger}|M1|P|2.4"
    return decode_hl7v2("\r".join([header, *segments]).encode())


def row(**values: object) -> Decoded:
    return Decoded(Format.JSON, values, "row", None, b"\x00" * 32)


def first(bundle: Any, kind: str) -> Any:
    return next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind)


def knowing(parents: Mapping[str, ParentState]) -> MapContext:
    return MapContext(CONTEXT.sender, CONTEXT.ids, CONTEXT.received, parents)
