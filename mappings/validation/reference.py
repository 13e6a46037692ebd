"""The slow judge: fhir.resources. For packs, goldens, and all FHIR that arrives from outside."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from contract.errors import Code, Issue
from mappings.language.fhir.model import is_resource
from mappings.stages import Json
from mappings.validation.fast import element_names, validate
from mappings.validation.nested import resources

_QUOTED = re.compile(r"'(\w+)'")
_REQUIRED_CHOICE: Final = "Expect any of field value"
_MOST_ISSUES: Final = 50
_NO_SUCH: Final = "FHIR R4 has no such element here"
_TEXTS: Final = {
    "extra_forbidden": _NO_SUCH,
    "missing": "this element is required",
    "model_field_validation.missing": "this element is required",
    "list_type": "this element repeats: a list is expected",
    "string_type": "text is expected",
    "bool_type": "true or false is expected",
    "bool_parsing": "true or false is expected",
    "model_type": "an object is expected",
    "dict_type": "an object is expected",
}


def check_reference(bundle: Json) -> tuple[Issue, ...]:
    """What fhir.resources (R4B models) finds wrong with a resource, usually a Bundle; empty if nothing.

    Paths are FHIR's own, `Bundle.entry[2].resource.status`; no text quotes a value. Takes milliseconds, and the first
    call half a second for imports.
    """
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    if not _known(bundle):
        return (_issue("resourceType", "FHIR R4 has no resource of this name"),)
    name: str = bundle["resourceType"]
    unknown = [f"{path}.resourceType" for resource, path in resources(bundle) if not _known(resource)]
    if unknown:
        return tuple(_issue(path, "FHIR R4 has no resource of this name") for path in unknown[:_MOST_ISSUES])
    try:
        get_fhir_model_class(name).model_validate(bundle)
    except ValidationError as refused:
        errors = [e for e in refused.errors(include_url=False, include_context=False) if not _absent_for_a_reason(e)]
        names = frozenset[str]().union(*(element_names(each["resourceType"]) for each, _ in resources(bundle)))
        return tuple(_issue(_path(name, error["loc"], names), _text(error)) for error in errors[:_MOST_ISSUES])
    except (KeyError, AttributeError, TypeError, RecursionError):
        # the library's own validators fall over values of a wrong kind, and over depth, without saying where
        return validate(bundle) or (_issue(name, "a value is of a kind that FHIR does not have there"),)
    return ()


def prepare_reference(types: Iterable[str]) -> None:
    """Imports the models of these resource types now (a second in all) rather than at the first message."""
    from fhir.resources.R4B import get_fhir_model_class

    for name in types:
        get_fhir_model_class(name)


def _known(resource: Json) -> bool:
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    return isinstance(name, str) and is_resource(name)


def _path(name: str, location: tuple[int | str, ...], names: frozenset[str]) -> str:
    path = name
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step.lower() in names:
            path += f".{step}"
    return path


def _absent_for_a_reason(error: Any) -> bool:
    """The library does not know that a required choice, too, may be replaced by an extension (R4 §2.5.0.2). What else
    is wrong with that object it has not looked at; `fast.validate` does."""
    given = error["input"]
    return _REQUIRED_CHOICE in error["msg"] and any(
        isinstance(given.get(f"_{name}"), dict) and bool(given[f"_{name}"].get("extension"))
        for name in _QUOTED.findall(error["msg"])
    )


def _text(error: Any) -> str:
    said: str = error["msg"]
    if "Any of one field value is expected" in said:
        return "only one of the types of a choice element may be present"
    if _REQUIRED_CHOICE in said:
        return "one of the types of a choice element is required"
    return _TEXTS.get(error["type"], "the value is not one that this element may have")


def _issue(path: str, text: str) -> Issue:
    return Issue(Code.INVALID_FHIR, path, text)
