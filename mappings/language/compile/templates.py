"""Templates: what they take, how they are called, laid over, and made into one function per kind of argument."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mappings.language.fhir.model import is_resource, type_model
from mappings.language.nodes import Mapping, Scalar
from mappings.language.problems import Place, Problems, did_you_mean
from mappings.language.source import Hl7Fields

_PARAMETER: Final = re.compile(r"(?P<name>[A-Za-z]\w*)(?:-(?P<field>\d+))?(?P<optional>\?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name of `takes:`. `field` is its number where a field is taken: `PID-32`."""

    name: str
    optional: bool
    field: int = 0

    def shown(self) -> str:
        return f"{self.name}{f'-{self.field}' if self.field else ''}{'?' if self.optional else ''}"


@dataclass(frozen=True, slots=True)
class Template:
    """One file of segments/, datatypes/ or templates/. `reads` is the segment or data type it is filed by; `makes` its
    resource type, or the FHIR type that its name is, else empty."""

    name: str
    file: str
    reads: str
    makes: str
    resource: bool
    parameters: tuple[Parameter, ...]
    body: Mapping
    takes: Place

    def signature(self) -> str:
        return f"{self.name}({', '.join(p.shown() for p in self.parameters)})"

    @property
    def chain(self) -> bool:
        return "chain" in self.body.names()


def read_template(file: str, body: Mapping, problems: Problems, segments: Hl7Fields) -> Template:
    """From its file, `datatypes/CX/Identifier`."""
    parts = file.split("/")
    kind = body.get("resourceType")
    each = body.get("each")
    if kind is None and isinstance(each, Mapping):
        kind = each.get("resourceType")
    makes = kind.text if isinstance(kind, Scalar) else parts[-1] if type_model(parts[-1]) else ""
    if isinstance(kind, Scalar) and not is_resource(kind.text):
        problems.add(kind.place, f"FHIR has no resource `{kind.text}`")
    takes = body.entry("takes")
    found: list[Parameter] = []
    place = takes.key.place if takes else body.place
    if takes is not None and isinstance(takes.value, Scalar):
        place = takes.value.place
        for word in re.split(r"[\s,]+", takes.value.text.strip()):
            match = _PARAMETER.fullmatch(word)
            if match is None:
                problems.add(place, f"`{word}` is no name of something taken", "takes: PID, PD1?, subject")
                continue
            found.append(Parameter(match["name"], bool(match["optional"]), int(match["field"] or 0)))
    elif len(parts) == 3:
        problems.add(body.place, f"{parts[1]} is not named", f"write `takes: {parts[1]}`")
    reads = parts[1] if len(parts) == 3 else ""
    if parts[0] == "segments" and reads not in segments.segments():
        problems.add(body.place, f"there is no segment {reads}", "declare its fields in fields.csv")
    if parts[0] == "datatypes" and not segments.is_type(reads):
        problems.add(
            body.place, f"there is no data type {reads}", did_you_mean(reads, ("XPN", "XAD", "XTN", "CX", "CWE"))
        )
    resource = is_resource(makes) and isinstance(kind, Scalar)
    return Template(parts[-1], file, reads, makes, resource, tuple(found), body, place)
