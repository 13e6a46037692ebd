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
        "required": ["id", "status", "source", "received", "rows", "accepted", "waiting", "refused", "stopped"],
        "properties": {
            "id": UUID,
            "status": {"enum": ["processing", "done"]},
            "source": {"type": "string"},
            "received": MOMENT,
            "rows": {"type": ["integer", "null"]},
            "accepted": _COUNT,
            "waiting": _COUNT,
            "refused": _COUNT,
            "stopped": {
                "description": "What keeps the file from going on, null while it does.",
                "type": ["object", "null"],
                "required": ["code", "since"],
                "properties": {"code": {"type": "string"}, "since": MOMENT},
            },
        },
    },
    "Taken": {"oneOf": [{"$ref": "#/components/schemas/Receipt"}, {"$ref": "#/components/schemas/Batch"}]},
    "Preview": {
        "type": "object",
        "required": ["index", "ok", "event", "topic", "bundle", "events", "issues", "unmapped"],
    },
    "Messages": {
        "allOf": [{"$ref": "#/components/schemas/Asked"}],
        "type": "object",
        "required": ["messages"],
        "properties": {"messages": {"type": "array", "items": {"$ref": "#/components/schemas/Message"}}},
    },
    "Asked": {
        "type": "object",
        "required": ["consumersUnknown"],
        "properties": {
            "consumersUnknown": {
                "description": "Why `consumedBy` is null: Kafka does not answer. Null when it does.",
                "type": ["string", "null"],
            }
        },
    },
    "Message": {
        "description": "With the status `refused` it is a dead letter: `issues` say why, `deadLetter` whether it is "
        "open, `message` what it became by a retry.",
        "type": "object",
        "required": ["id", "status", "source", "pack", "packVersion"],
        "properties": {
            "id": UUID,
            "status": {"enum": ["accepted", "waiting", "refused"]},
            "source": {"type": "string"},
            "received": MOMENT,
            "pack": {"type": "string"},
            "packVersion": {"type": "string"},
            "events": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}},
        },
    },
    "Event": {
        "type": "object",
        "required": ["id", "message", "source", "type", "received", "pack", "packVersion", "corrects", "topics"],
        "properties": {
            "id": UUID,
            "message": {"type": ["string", "null"], "format": "uuid"},
            "source": {"type": "string"},
            "type": {"type": "string"},
            "received": MOMENT,
            "pack": {"type": ["string", "null"]},
            "packVersion": {"type": ["string", "null"]},
            "corrects": {
                "description": "Of a correction: the event whose place it takes.",
                "type": ["string", "null"],
                "format": "uuid",
            },
            "topics": {"type": "array", "items": {"$ref": "#/components/schemas/Outlet"}},
        },
    },
    "Outlet": {
        "type": "object",
        "required": ["topic", "published", "partition", "offset", "late", "consumedBy"],
        "properties": {
            "topic": {"type": "string"},
            "published": {"type": ["string", "null"], "format": "date-time"},
            "partition": {"type": ["integer", "null"]},
            "offset": {"type": ["integer", "null"]},
            "late": {"type": "boolean"},
            "consumedBy": {
                "description": "Each consumer group that reads the topic, by its committed offsets; null when Kafka "
                "does not tell.",
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "required": ["group", "consumed"],
                    "properties": {"group": {"type": "string"}, "consumed": {"type": "boolean"}},
                },
            },
        },
    },
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
                        *("letters", "open", "times", "firstReceived", "lastReceived", "example"),
                    ],
                    "properties": {"group": GROUP, "letters": _COUNT, "open": _COUNT, "times": _COUNT, "example": UUID},
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
