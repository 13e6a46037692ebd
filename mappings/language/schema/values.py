"""Values as a schema sees them: scalars, the directives beside elements, and what may be one or several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from mappings.language.compile.objects import DIRECTIVES

Schema: TypeAlias = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
ANY: Final = "any"
"""The schema of what may be of any type."""
SCALAR: Final = ["string", "number", "boolean"]
"""What an editor makes of a scalar; the language reads every one as text."""

_SAYS: Final = {
    "if": "The object exists only if this condition is true.",
    "each": "One item per repetition, segment or group; inside, the same path means this one.",
    "cases": "Named alternatives: the first whose `if` holds; the last may be `else: true`.",
    "switch": "One key per literal value (`CE CWE CNE:` several), and a required `else`.",
    "template": "Start from this template: `Name(arguments)`; elements beside it are laid over it.",
    "chain": "Levels of a hierarchy, lowest first; absent ones are skipped.",
    "let": "Names for expressions, visible in this object.",
    "then": "The value, in a case or beside `if:`, where it is no object.",
    "always": "`true`: the object exists without a value from the source.",
    "else": "`true`: the case for all that no other case took.",
    "takes": "What the template is given: `PID, PD1?, subject`; `?` may be left out.",
}
EXPRESSION: Final[Schema] = {"type": SCALAR}
FREE: Final[Schema] = {"type": "object", "additionalProperties": EXPRESSION}


def at(name: str) -> Schema:
    """The schema in the file of that name beside this one."""
    return {"$ref": f"{name}.json"}


def some(one: Schema) -> Schema:
    """One value, or a list of them."""
    return {"if": {"type": "array"}, "then": {"items": one}, "else": one}


def with_directives(name: str, elements: Schema, named: Iterable[str], more: Schema) -> Schema:
    """An object of the schema `name` with these elements, or a directive in its place. Of the elements `named`, an item
    may have a name: `identifier:nhs`."""
    own = at(name)
    directives: Schema = {
        **dict.fromkeys(DIRECTIVES, EXPRESSION),
        "each": own,  # a path, or beside `chain:` the resource of each level
        "cases": {"type": "object", "additionalProperties": own},
        "chain": FREE,
        "let": FREE,
        "then": some(own),
    }
    said = {directive: {**schema, "description": _SAYS[directive]} for directive, schema in directives.items()}
    return {
        "type": [*SCALAR, "object"],
        "if": {"type": "object", "required": ["switch"]},
        "then": {
            "properties": {"switch": said["switch"]},
            "required": ["else"],
            "additionalProperties": some(own),
        },
        "else": {
            "properties": {**elements, **said},
            "patternProperties": {**{f"^{element}:.": elements[element] for element in named}, **more},
            "additionalProperties": False,
        },
    }
