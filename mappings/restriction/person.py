"""Who a Patient resource is, in the sender's words."""

from __future__ import annotations

from typing import Final

from contract.identifiers import NHS_NUMBER_SYSTEM
from mappings.stages import Json, PersonIdentity

_STATUS_EXTENSION: Final = "Extension-UKCore-NHSNumberVerificationStatus"
"""The last part of the extension's URL; fhir.hl7.org.uk/StructureDefinition and fhir.nhs.uk/R4/StructureDefinition
both occur before it."""

_STATUS_WORDS: Final = {
    "number-present-and-verified": "01",
    "number-present-but-not-traced": "02",
    "trace-required": "03",
    "trace-attempted": "04",
    "trace-needs-to-be-resolved": "05",
    "trace-in-progress": "06",
    "number-not-present-and-trace-not-required": "07",
    "trace-postponed": "08",
}
"""The retired code system UKCore-NHSNumberVerificationStatus, as codes of its English successor."""

_NHS_NUMBER: Final = NHS_NUMBER_SYSTEM.casefold()


def identity(bundle: Json, patient_id: str | None) -> PersonIdentity | None:
    """The identity of the Patient with this id in the bundle, None when there is no such Patient.

    The NHS number is taken as it stands: whether it may be used is for contract.identifiers to say. Several Patient
    entries of one id are read as one.
    """
    if patient_id is None:
        return None
    number: str | None = None
    status: str | None = None
    local: dict[tuple[str, str], None] = {}
    seen = False
    for entry in bundle["entry"]:
        resource = entry.get("resource")
        if not resource or resource["resourceType"] != "Patient" or resource.get("id") != patient_id:
            continue
        seen = True
        for identifier in resource.get("identifier", ()):
            value = identifier.get("value")
            if not value:
                continue
            system = identifier.get("system", "")
            if system.casefold() != _NHS_NUMBER:
                local[system, value] = None
            elif number is None:
                number, status = value.replace(" ", ""), _status(identifier)
    return PersonIdentity(number, status, tuple(local)) if seen else None


def _status(identifier: Json) -> str | None:
    """01 to 08; a code of another list (Welsh tracing, null flavours) as it stands, so that it never counts as 01."""
    for extension in identifier.get("extension", ()):
        if str(extension.get("url", "")).rpartition("/")[2] == _STATUS_EXTENSION:
            for coding in extension.get("valueCodeableConcept", {}).get("coding", ()):
                code = str(coding.get("code", ""))
                if code:
                    return _STATUS_WORDS.get(code, code)
    return None
