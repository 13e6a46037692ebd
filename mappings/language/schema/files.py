"""The files of a pack as schemas: `pack`, `message`, `changes`, and one per FHIR type for templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from contract.topics import Sector
from mappings.language.changes import VERBS
from mappings.language.compile.events import NO_EVENT, OTHERWISE
from mappings.language.compile.messages import KEYS as MESSAGE_KEYS
from mappings.language.compile.objects import DIRECTIVES
from mappings.language.fhir.model import is_resource, type_names
from mappings.language.folder import KEYS as PACK_KEYS
from mappings.language.folder import LANGUAGE, OVERLAY_KEYS, UNREADABLE
from mappings.language.nodes import Mapping as Document
from mappings.language.nodes import Scalar
from mappings.language.schema.types import element_names, type_schemas
from mappings.language.schema.values import ANY, DRAFT, EXPRESSION, FREE, SCALAR, Schema, at, some
from mappings.stages import Format

_EVENT_TYPE: Final[Schema] = {"type": "string", "pattern": "^[a-z]+(-[a-z]+)+-[1-9][0-9]*$"}
_FREE_BELOW: Final = r"(^|\.)(chain|cases|let|events|event|groups|resources|parents|remember)$"


def schemas(titles: Mapping[str, Mapping[str, str]]) -> dict[str, Schema]:
    """Every schema by the name of its file without `.json`. They refer to one another by file name."""
    found = {
        "pack": _pack(),
        "message": _message(),
        "changes": _changes(),
        ANY: _any(),
        **type_schemas(titles),
    }
    return {name: {"$schema": DRAFT, "title": name, **schema} for name, schema in found.items()}


def schema_of(file: str, document: Document) -> str:
    """The name of the schema for a file of a pack (`segments/PID/Patient`): for a template by the resource that it
    makes, else by the FHIR type that it is named after, else `any`."""
    folder, _, name = file.rpartition("/")
    if file in ("pack", "changes"):
        return file
    if folder == "messages":
        return "message"
    inside = document.get("each") if "chain" in document.names() else document
    kind = inside.get("resourceType") if isinstance(inside, Document) else None
    if isinstance(kind, Scalar) and kind.text in type_names():
        return kind.text
    return name if name in type_names() else ANY


def _pack() -> Schema:
    known: Schema = {
        "version": {"type": "string", "pattern": r"^\d+(\.\d+)*$"},
        "language": {"enum": [LANGUAGE, int(LANGUAGE)]},
        "format": {"enum": [str(each) for each in Format]},
        "sector": {"enum": [str(each) for each in Sector]},
        "extends": {"type": "string", "pattern": r"^\S+ \S+$"},
        "unreadable": {"enum": [*UNREADABLE]},
        "from": some({"type": "string"}),
    }
    known |= {"overlay": {"type": "string"}, "place": {"type": "string"}, "source": {"type": "string"}}
    pack = _object({key: known.get(key, EXPRESSION) for key in PACK_KEYS}, ["pack", "version", "language", "format"])
    overlay = _object({key: known[key] for key in OVERLAY_KEYS}, ["overlay", "version", "language"])
    return {"if": {"required": ["overlay"]}, "then": overlay, "else": pack}


def _message() -> Schema:
    case = _object({"if": EXPRESSION, "else": EXPRESSION, "type": _EVENT_TYPE}, ["type"])
    cases = _object({"cases": {"type": "object", "additionalProperties": case}}, ["cases"])
    named: Schema = {"anyOf": [{"const": NO_EVENT}, _EVENT_TYPE]}
    others: Schema = {"if": {"type": "string"}, "then": named, "else": cases}
    passed = {name: at(name) for name in sorted(type_names()) if is_resource(name)}
    known: Schema = {
        "events": {"type": "object", "properties": {OTHERWISE: others}, "additionalProperties": named},
        "event": {"if": {"type": "string"}, "then": _EVENT_TYPE, "else": cases},
        "continued": {"type": "object"},
        "groups": {"type": "object"},
        "parents": FREE,
        "remember": FREE,
        "snapshot": {"enum": [True, "true"]},
        "pass": {"enum": ["entries"]},
        "resources": {"type": "object"},
    }
    schema = _object({key: known.get(key, EXPRESSION) for key in sorted(MESSAGE_KEYS)}, ["message"])
    schema["if"] = {"required": ["pass"]}
    schema["then"] = {"properties": {"resources": _object(passed, [])}}
    schema["else"] = {"properties": {"resources": {"additionalProperties": at(ANY)}}}
    return schema


def _changes() -> Schema:
    path: Schema = {"type": "string"}
    more: Schema = {"with": {}, "was": EXPRESSION}
    changes = [
        _object({verb: path}, [verb]) if verb == "remove" else _object({verb: path, **more}, [verb, "with"])
        for verb in map(str, VERBS)
    ]
    free = {"anyOf": [{"required": [verb], "properties": {verb: {"pattern": _FREE_BELOW}}} for verb in VERBS]}
    change: Schema = {
        "oneOf": changes,
        "if": free,
        "else": {"properties": {"with": some(at(ANY))}},
    }
    return {
        "type": "object",
        "patternProperties": {"^(messages|segments|datatypes|templates)/": {"type": "array", "items": change}},
        "additionalProperties": False,
    }


def _any() -> Schema:
    """A value of a type that cannot be told from the file: elements of any FHIR type, or directives."""
    own = at(ANY)
    holders: Schema = {"cases": {"type": "object", "additionalProperties": own}, "chain": FREE, "let": FREE}
    names = sorted({*element_names(), *DIRECTIVES, "resourceType"} - holders.keys())
    spelt = f"^({'|'.join(map(re.escape, names))})(:.+)?$"
    return {
        "type": [*SCALAR, "object"],
        "if": {"type": "object", "required": ["switch"]},
        "then": {"required": ["else"], "additionalProperties": some(own)},
        "else": {
            "properties": holders,
            "patternProperties": {spelt: some(own)},
            "additionalProperties": False,
        },
    }


def _object(properties: Schema, needed: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
