"""Mistakes planted in a sound bundle, each of another kind, and the judges that must see it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.conformance.gather import PACKS

Bundle = dict[str, Any]

SOUND: Final = PACKS / "hl7v2-itk" / "samples" / "a01-admission" / "expected.json"
UCUM: Final = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Fault:
    """`plant` changes the bundle in place; `seen_by` are the judges that see it, all of them and no others; `uk_core`
    where only UK Core's definitions show that it is one."""

    name: str
    plant: Callable[[Bundle], None]
    seen_by: frozenset[str]
    uk_core: bool = False

    def planted(self, sound: Bundle) -> Bundle:
        bundle = copy.deepcopy(sound)
        self.plant(bundle)
        return bundle


def first(bundle: Bundle, resource_type: str) -> Any:
    return next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == resource_type)


def _set(resource_type: str, name: str, value: Any) -> Callable[[Bundle], None]:
    return lambda bundle: first(bundle, resource_type).__setitem__(name, value)


def _measured(bundle: Bundle, quantity: dict[str, Any]) -> None:
    observation = first(bundle, "Observation")
    for name in [name for name in observation if name.startswith("value")]:
        del observation[name]
    observation["valueQuantity"] = quantity


def _nhs(bundle: Bundle, name: str, value: str) -> None:
    numbers = first(bundle, "Patient")["identifier"]
    next(each for each in numbers if each["system"].endswith("nhs-number"))[name] = value


def _extended(bundle: Bundle, extension: dict[str, Any]) -> None:
    first(bundle, "Patient").setdefault("extension", []).append(extension)


def _claimed(bundle: Bundle) -> None:
    first(bundle, "Patient")["meta"] = {"profile": ["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Pateint"]}


def _sliced_wrongly(bundle: Bundle) -> None:
    """The NHS number's slice takes a coded verification status, not a text."""
    numbers = first(bundle, "Patient")["identifier"]
    number = next(each for each in numbers if each["system"].endswith("nhs-number"))
    number["extension"] = [{"url": number["extension"][0]["url"], "valueString": "verified"}]


def _sliced_twice(bundle: Bundle) -> None:
    """UK Core allows one NHS number."""
    numbers = first(bundle, "Patient")["identifier"]
    number = next(each for each in numbers if each["system"].endswith("nhs-number"))
    numbers.append({**number, "value": "9990045038"})


def _ethnic(bundle: Bundle) -> None:
    known = next(each for each in first(bundle, "Patient")["extension"] if each["url"].endswith("EthnicCategory"))
    known["valueCodeableConcept"]["coding"][0]["code"] = "ZZ9"


def _unknown_code_system(bundle: Bundle) -> None:
    coding = {"system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategoryEnglnd", "code": "A"}
    first(bundle, "Condition")["code"] = {"coding": [coding]}


def _refer_wrongly(bundle: Bundle) -> None:
    where = next(e["fullUrl"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Location")
    first(bundle, "Encounter")["subject"] = {"reference": where}


def _ods(bundle: Bundle) -> None:
    first(bundle, "Patient")["managingOrganization"] = {"identifier": {"system": _ODS, "value": "rbd"}}


def _unit(bundle: Bundle) -> None:
    _measured(bundle, {"value": 36.9, "unit": "degrees", "system": UCUM, "code": "degrees"})


_ANYBODY: Final = "urn:uuid:00000000-0000-8000-8000-000000000000"
_UK_CORE_UNKNOWN: Final = {
    "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NotThere",
    "valueString": "x",
}
_HL7_UNKNOWN: Final = {"url": "http://hl7.org/fhir/StructureDefinition/patient-notThere", "valueString": "x"}
_ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
_HAPI, _SCHEMA, _OWN = frozenset({"hapi"}), frozenset({"schema"}), frozenset({"own"})
_BOTH: Final = _HAPI | _SCHEMA

FAULTS: Final = (
    Fault("bad code of a required binding", _set("Patient", "gender", "men"), _BOTH),
    Fault("bad code of a known code system", _ethnic, _HAPI, uk_core=True),
    Fault("empty object", lambda b: first(b, "MessageHeader")["eventCoding"].clear(), _HAPI),
    Fault("unknown code system of UK Core", _unknown_code_system, _HAPI, uk_core=True),
    Fault("missing required element", lambda b: first(b, "Encounter").pop("class"), _BOTH),
    Fault("two where one may be", _set("Patient", "birthDate", ["1980-01-01", "1980-01-02"]), _BOTH),
    Fault("wrong type", _set("Patient", "active", "true"), _BOTH),
    Fault("unknown element", _set("Patient", "religion", "C1"), _BOTH),
    Fault("invariant", _set("Encounter", "period", {"start": "2026-02-02", "end": "2026-02-01"}), _HAPI),
    Fault("dangling reference", _set("Encounter", "subject", {"reference": _ANYBODY}), _HAPI),
    Fault("reference to another type", _refer_wrongly, _HAPI),
    Fault("wrong type in a slice", _sliced_wrongly, _HAPI, uk_core=True),
    Fault("slice filled twice", _sliced_twice, _HAPI, uk_core=True),
    Fault("unknown extension of HL7", lambda b: _extended(b, _HL7_UNKNOWN), _HAPI),
    Fault("unknown extension of UK Core", lambda b: _extended(b, _UK_CORE_UNKNOWN), _HAPI, uk_core=True),
    Fault("unknown profile of UK Core", _claimed, _HAPI, uk_core=True),
    Fault("bad date", _set("Patient", "birthDate", "1970-13-01"), _BOTH),
    Fault("date that does not exist", _set("Patient", "birthDate", "2026-02-30"), _HAPI),
    Fault("empty array", _set("Patient", "name", []), _HAPI),
    Fault("wrong unit", _unit, _HAPI),
    Fault("NHS number with a wrong check digit", lambda b: _nhs(b, "value", "9990010006"), _OWN),
    Fault("NHS number under another system", lambda b: _nhs(b, "system", "https://fhir.nhs.uk/Id/nhsnumber"), _OWN),
    Fault("ODS code in lower case", _ods, _OWN),
)
