"""What the others cannot see: a check digit, a national number under a wrong system, the shape of an ODS code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from contract.identifiers import NHS_NUMBER_SYSTEM, ODS_ORGANISATION_SYSTEM, ODS_SITE_SYSTEM, is_nhs_number
from tests.conformance.verdicts import ERROR, Verdict

NAME: Final = "own"
_STATUS: Final = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
_NHS_NUMBER_TYPE: Final = "NH"  # HL7 v2 table 0203: national health plan identifier, in England the NHS number
# three characters for a trust, five for its site, six for a practice, nine for a practice's branch (NHS Data
# Dictionary, ORGANISATION IDENTIFIER); digits and capitals
_ODS: Final = re.compile(r"[A-Z0-9]{3,9}")


def judge(bundle: str, resource: dict[str, Any]) -> Iterator[Verdict]:
    """One verdict for each identifier of the resource, however deep, that cannot be what it says it is."""
    for path, identifier in _identifiers(resource, str(resource.get("resourceType"))):
        system, value = identifier.get("system", ""), str(identifier.get("value", ""))
        if system == NHS_NUMBER_SYSTEM and not is_nhs_number(value):
            yield _verdict(bundle, "nhs-number-digits", path, "not a valid NHS number (Modulus 11)")
        elif system != NHS_NUMBER_SYSTEM and _says_nhs(identifier):
            yield _verdict(bundle, "nhs-number-system", path, f"an NHS number under the system {system or '(none)'}")
        if system in (ODS_ORGANISATION_SYSTEM, ODS_SITE_SYSTEM) and not _ODS.fullmatch(value):
            yield _verdict(bundle, "ods-code-shape", path, "not the shape of an ODS code")


def _says_nhs(identifier: dict[str, Any]) -> bool:
    codings = identifier.get("type", {}).get("coding", ())
    typed = any(coding.get("code") == _NHS_NUMBER_TYPE for coding in codings)
    traced = any(each.get("url") == _STATUS for each in identifier.get("extension", ()))
    return typed or traced


def _verdict(bundle: str, code: str, path: str, message: str) -> Verdict:
    return Verdict(bundle, NAME, ERROR, code, path, message)


def _identifiers(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if path.endswith(".resource"):
            path += f"/*{value.get('resourceType')}/{value.get('id')}*/"
        for name, inner in value.items():
            below = f"{path}.{name}"
            if name in ("identifier", "valueIdentifier"):
                many = inner if isinstance(inner, list) else [inner]
                yield from ((below, each) for each in many if isinstance(each, dict))
            yield from _identifiers(inner, below)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _identifiers(inner, f"{path}[{index}]")
