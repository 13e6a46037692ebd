"""Code lists into elements: what `code(list)` yields, and whether its codes are allowed there."""

from __future__ import annotations

from mappings.language.codes import CodeList, Unknown
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import (
    Target,
)
from mappings.language.nodes import Scalar
from mappings.language.problems import did_you_mean


def code_kind(codes: CodeList, target: Target | None) -> str:
    """What `code(list)` yields for an element: boolean, CodeableConcept, Coding, or the code itself."""
    if target is None:
        return "code"
    if codes.is_boolean() and "boolean" in target.types:
        return "boolean"
    wanted = ("CodeableConcept", "Coding", "code", "string", "uri", "boolean")
    return next((kind for kind in wanted if kind in target.types), "code")


def check_codes(unit: Unit, source: Scalar, position: int, codes: CodeList, target: Target) -> None:
    """Every code that may come out must be one of the required binding."""
    if codes.unknown is Unknown.KEEP:
        said = f"{target.name} allows only {', '.join(target.codes)}, and the list {codes.name} keeps unknown codes"
        unit.problem(
            source, position, said, f"write `# unknown: fixed CODE`, omit or refuse at the top of {codes.place.file}"
        )
    for code, place in codes.results().items():
        if code not in target.codes:
            advice = did_you_mean(code, target.codes) or f"one of {', '.join(target.codes)}"
            unit.wrong(place, f'{target.name} cannot be "{code}"', advice)
