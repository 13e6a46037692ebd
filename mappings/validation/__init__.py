"""Is it valid FHIR R4? `reference` asks fhir.resources, slowly; `fast` a validator generated from its metadata.

The differential test holds that what the fast one accepts, the reference accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from contract.errors import Issue
from mappings.stages import Format, Json
from mappings.validation.fast import prepare, validate
from mappings.validation.reference import check_reference, prepare_reference

__all__ = ["Judge", "check_reference", "judges_of", "prepare", "prepare_reference", "validate"]

Judge: TypeAlias = Callable[[Json], tuple[Issue, ...]]


def judges_of(source_format: Format) -> tuple[Judge, ...]:
    """Who judges what was made from a message of this format: FHIR from outside answers to the reference too."""
    return (check_reference, validate) if source_format is Format.FHIR else (validate,)
