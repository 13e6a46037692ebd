"""The shapes that the HTTP door's description names: what it takes as JSON and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

UUID: Final = {"type": "string", "format": "uuid"}
MOMENT: Final = {"type": "string", "format": "date-time"}
GROUP: Final = {"type": "string", "pattern": "^[0-9a-f]{16}$"}

_COUNT: Final = {"type": "integer", "minimum": 0}
_CHOSEN: Final[Mapping[str, Any]] = {
    "letter": UUID,
    "group": GROUP,
    "after": {"description": "The `next` of the page before.", **UUID},
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
}
_EITHER: Final = [{"required": ["letter"]}, {"required": ["group"]}]
_NEXT: Final = {"type": ["string", "null"], "format": "uuid"}
SCHEMAS: Final[Mapping[str, Any]] = {
    "OperationOutcome": {
        "type": "object",
        "required": ["resourceType", "issue"],
        "properties": {
            "resourceType": {"const": "OperationOutcome"},
            "issue": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["severity", "code"]}},
        },
    },
    "Receipt": {
        "type": "object",
        "required": ["id", "status", "source", "received", "events"],
        "properties": {
            "id": UUID,
            "status": {"enum": ["accepted", "replayed", "waiting"]},
            "source": {"type": "string"},
            "received": MOMENT,
            "events": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "type", "topics"],
                    "properties": {
                        "id": UUID,
                        "type": {"type": "string"},
                        "topics": {"type": "array", "items": {"type": "string"}},
                    },
                },
            },
        },
    },
    "Batch": {
        "type": "object",
        "required": ["id", "status", "source", "received", "rows", "accepted", "waiting", "refused"],
        "properties": {
            "id": UUID,
            "status": {"enum": ["processing", "done"]},
            "source": {"type": "string"},
            "received": MOMENT,
            "rows": {"type": ["integer", "null"]},
            "accepted": _COUNT,
            "waiting": _COUNT,
            "refused": _COUNT,
        },
    },
    "Taken": {"oneOf": [{"$ref": "#/components/schemas/Receipt"}, {"$ref": "#/components/schemas/Batch"}]},
    "Preview": {
        "type": "object",
        "required": ["index", "ok", "event", "topic", "bundle", "events", "issues", "unmapped"],
    },
    "Messages": {"type": "object", "required": ["messages"]},
    "LetterGroups": {
        "type": "object",
        "required": ["groups"],
        "properties": {
            "groups": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": [
                        *("group", "source", "code", "path", "text", "pack", "packVersion"),
                        *("letters", "times", "firstReceived", "lastReceived", "example"),
                    ],
                    "properties": {"group": GROUP, "letters": _COUNT, "times": _COUNT, "example": UUID},
                },
            }
        },
    },
    "Letters": {
        "type": "object",
        "required": ["letters", "next"],
        "properties": {"letters": {"type": "array", "items": {"type": "object"}}, "next": _NEXT},
    },
    "Chosen": {"type": "object", "properties": _CHOSEN, "oneOf": _EITHER, "additionalProperties": False},
    "Discarding": {
        "type": "object",
        "properties": {**_CHOSEN, "reason": {"type": "string", "minLength": 1, "maxLength": 500}},
        "required": ["reason"],
        "oneOf": _EITHER,
        "additionalProperties": False,
    },
    "WorkedLetters": {
        "type": "object",
        "required": ["counts", "letters", "next"],
        "properties": {
            "counts": {"type": "object", "additionalProperties": _COUNT},
            "letters": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["letter", "outcome", "message", "events", "code", "path", "text"],
                    "properties": {
                        "letter": UUID,
                        "outcome": {
                            "enum": [
                                *("accepted", "waiting", "replayed"),
                                *("refused", "conflict", "superseded", "closed"),
                            ]
                        },
                    },
                },
            },
            "next": _NEXT,
            "open": _COUNT,
        },
    },
    "DiscardedLetters": {
        "type": "object",
        "required": ["discarded", "next"],
        "properties": {"discarded": _COUNT, "next": _NEXT, "open": _COUNT},
    },
}
