"""The official R4 JSON schema, as HL7 publishes it: shapes and required codes; no profiles, no invariants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import orjson

from tests.conformance.verdicts import ERROR, Verdict

NAME: Final = "schema"
_DIALECT: Final = "http://json-schema.org/draft-06/schema#"


def judge(schema: Path, bundle: str, resource: dict[str, Any]) -> Iterator[Verdict]:
    """One verdict for each mistake in the resource and in those inside it."""
    for path, each in _resources(resource, str(resource.get("resourceType"))):
        validator = _validator(schema, str(each.get("resourceType")))
        if validator is None:
            yield Verdict(bundle, NAME, ERROR, "resourceType", path, "R4 has no resource of this type")
            continue
        for mistake in validator.iter_errors(each):
            steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in mistake.instance_path)
            yield Verdict(bundle, NAME, ERROR, mistake.kind.name, path + "".join(steps), mistake.message[:300])


def _resources(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The resource itself and all within it, each with its path in the validator's notation."""
    if isinstance(value, dict):
        if "resourceType" in value:
            if path.endswith(".resource"):
                path += f"/*{value['resourceType']}/{value.get('id')}*/"
            yield path, value
        for name, inner in value.items():
            yield from _resources(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _resources(inner, f"{path}[{index}]")


@cache
def _validator(schema: Path, name: str) -> Any | None:
    definitions = _definitions(schema)
    if name not in definitions:
        return None
    return jsonschema_rs.validator_for(
        {"$schema": _DIALECT, "$ref": f"#/definitions/{name}", "definitions": definitions}
    )


@cache
def _definitions(schema: Path) -> dict[str, Any]:
    """HL7's definitions, mended where they refer to what is not there, and with each resource judged for itself: one
    mistake within a choice of all resource types would be told as 150."""
    definitions: dict[str, Any] = orjson.loads(schema.read_bytes())["definitions"]
    definitions["ResourceList"] = {"type": "object", "required": ["resourceType"]}
    definitions["Resource"] = {"$ref": "#/definitions/ResourceList"}
    definitions["integer64"] = {"type": "string"}
    return definitions
