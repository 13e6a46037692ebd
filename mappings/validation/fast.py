"""The fast judge: a jsonschema-rs validator for each resource type, compiled when the type is first met.

Stricter than fhir.resources where that is lax: codes of required bindings, `"true"` for true, empty lists and objects.
Invariants and reference targets are not looked at here; nor does fhir.resources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

import jsonschema_rs

from contract.errors import Code, Issue
from mappings.language.fhir.model import is_resource
from mappings.stages import Json
from mappings.validation.nested import DEEPEST, inside, nested_places, resources
from mappings.validation.schema import resource_schema

_MOST_ISSUES: Final = 50
_TEXTS: Final = {
    "enum": "the code is not in the list that FHIR requires here",
    "constant": "the resource is of another type",
    "pattern": "the value does not have the form of this element's type",
    "type": "the value is of another type than this element",
    "minimum": "the number is too small for this element",
    "maximum": "the number is too large for this element",
    "minItems": "an empty list is not allowed; leave the element out",
    "minProperties": "an empty object is not allowed; leave the element out",
    "oneOf": "exactly one of the types of a choice element must be present",
}


def validate(resource: Json) -> tuple[Issue, ...]:
    """What is wrong with a resource, usually a Bundle, and all resources in it; empty if nothing.

    Paths are FHIR's own (`Bundle.entry[2].resource.status`); no text quotes a value.
    """
    return () if _is_valid(resource, 0) else _issues(resource)


def _is_valid(resource: Json, depth: int) -> bool:
    if not isinstance(resource, dict) or depth > DEEPEST:
        return False
    name = resource.get("resourceType")
    check = _check(name)
    if check is None or not check.is_valid(resource):
        return False
    for place in nested_places(name):
        if place[0] in resource:
            for nested in inside(resource, place):
                if not _is_valid(nested, depth + 1):
                    return False
    return True


def prepare(types: Iterable[str]) -> None:
    """Compiles the validators of these resource types now (some 10 ms each) rather than at the first message."""
    for name in types:
        _validator(name)


def _check(name: Json) -> jsonschema_rs.Draft202012Validator | None:
    return _validator(name) if isinstance(name, str) and is_resource(name) else None


@cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        resource_schema(name), pattern_options=jsonschema_rs.RegexOptions(), offline=True
    )


@cache
def element_names(name: str) -> frozenset[str]:
    """The names, in small letters, of the elements of a resource type and of everything that it is made of. Only these
    may an issue tell: any other name that stands in a message could be a person's."""
    definitions = resource_schema(name)["$defs"].values()
    return frozenset(element.lower() for each in definitions for element in each.get("properties", ()))


def _issues(resource: Json) -> tuple[Issue, ...]:
    issues: list[Issue] = []
    for found, path in resources(resource):
        name = found.get("resourceType") if isinstance(found, dict) else None
        check = _check(name)
        if check is None:
            issues.append(_issue(f"{path}.resourceType".lstrip("."), "FHIR R4 has no resource of this name"))
            continue
        for error in check.iter_errors(found):
            issues.extend(_told(error, path or str(name), element_names(str(name))))
            if len(issues) >= _MOST_ISSUES:
                return tuple(issues[:_MOST_ISSUES])
    return tuple(issues)


def _told(error: jsonschema_rs.ValidationError, path: str, names: frozenset[str]) -> Iterator[Issue]:
    where = path
    for step in error.instance_path:
        where += f"[{step}]" if isinstance(step, int) else f".{step}" if step.lower() in names else ""
    kind, said = error.kind.name, error.kind.as_dict()
    if kind == "additionalProperties":
        for name in said["unexpected"]:
            below = f"{where}.{name}" if name.lower() in names else where
            yield _issue(below, "FHIR R4 has no such element here")
    elif kind == "required":
        yield _issue(f"{where}.{said['property']}", "this element is required")
    elif kind == "anyOf":
        yield from _alternatives(said["context"], where, path, names)
    else:
        yield _issue(where, _TEXTS.get(kind, "the value is not one that this element may have"))


def _alternatives(
    tried: list[list[jsonschema_rs.ValidationError]], where: str, path: str, names: frozenset[str]
) -> Iterator[Issue]:
    """Says which of the schema's three kinds of alternative was meant, by the first thing that was tried."""
    first = tried[0][0]
    if first.kind.name == "maxProperties":
        yield _issue(where, "only one of the types of a choice element may be present")
    elif first.kind.name == "required" and first.kind.as_dict()["property"].startswith("_"):
        beside = first.kind.as_dict()["property"]
        yield _issue(f"{where}.{beside[1:]}", f"a null holds the place of an extension in {beside}, and there is none")
    else:
        for error in tried[0]:
            yield from _told(error, path, names)


def _issue(path: str, text: str) -> Issue:
    return Issue(Code.INVALID_FHIR, path, text)
