"""The OpenAPI description of the HTTP door, by hand: what clients are generated from and what fuzzers read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gateway.http.content import FHIR_TYPES, TAKEN
from gateway.http.schemas import GROUP, MOMENT, SCHEMAS, UUID

if TYPE_CHECKING:
    from gateway.http.endpoint import Address

Operation: TypeAlias = Mapping[str, Any]

_REFUSALS: Final = {
    "400": "The request or the message cannot be read.",
    "401": "No credential, or one that is unknown, revoked or disabled.",
    "403": "This credential may not do that.",
    "404": "There is nothing here, or it is not yours to see.",
    "405": "This address does not take this method.",
    "408": "The body did not come in time.",
    "409": "The same message id with other content; for `$process-message`, the same X-Request-ID again.",
    "413": "The body is too large.",
    "415": "The content type is not taken.",
    "422": "The message was decoded, but cannot be mapped or is invalid; each issue names its source path.",
    "429": "Too many requests or large bodies at once.",
    "503": "It cannot be made durable now, or the source is paused; see Retry-After.",
}
_ANY: Final[Mapping[str, Any]] = {"schema": {}}
_WORD: Final = {"type": "string", "pattern": "^[!-~]+$", "maxLength": 255}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(text: str, schema: Mapping[str, Any], **headers: str) -> dict[str, Any]:
    described = {name: {"description": about, "schema": {"type": "string"}} for name, about in headers.items()}
    return {"description": text, "content": {"application/json": {"schema": schema}}, "headers": described}


def _refused(*statuses: str) -> dict[str, Any]:
    content = {"application/fhir+json": {"schema": _ref("OperationOutcome")}}
    return {status: {"description": _REFUSALS[status], "content": content} for status in statuses}


def _body(types: Iterable[str]) -> dict[str, Any]:
    return {"required": True, "content": dict.fromkeys(sorted(types), _ANY)}


def _header(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": text, "schema": {"type": "string", "maxLength": 255}}


def _query(name: str, text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema}


_ID: Final = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_TRACE: Final = _header("traceparent", "W3C trace context; travels with the events.")
_SENDING: Final = ("400", "401", "403", "408", "409", "413", "415", "422", "429", "503")
_LIMIT: Final = _query("limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100})
_WHERE: Final = {"Location": "Where to ask what became of it."}

SEND: Final[Operation] = {
    "summary": "Send one message, or a file of several",
    "description": "202 and 200 leave only after the message is durable.",
    "parameters": [_header("Idempotency-Key", "Names a message whose format has no id of its own."), _TRACE],
    "requestBody": _body(TAKEN),
    "responses": {
        "202": _json("Accepted, waiting, or a file whose rows are being taken in.", _ref("Taken"), **_WHERE),
        "200": _json("The same message or file as before: its receipt.", _ref("Taken"), **_WHERE),
        **_refused(*_SENDING),
    },
}

PROCESS_MESSAGE: Final[Operation] = {
    "summary": "FHIR messaging, as the Booking and Referral Standard uses it",
    "parameters": [
        _header("X-Request-ID", "New for each message; the same again is answered 409 REC_CONFLICT."),
        _header("X-Correlation-ID", "Given back as it came."),
        _TRACE,
    ],
    "requestBody": _body(FHIR_TYPES),
    "responses": {
        "202": _json("Accepted.", _ref("Receipt"), **_WHERE),
        "200": _json("The same message as before, sent without X-Request-ID.", _ref("Receipt"), **_WHERE),
        **_refused(*_SENDING),
    },
}

PREVIEW: Final[Operation] = {
    "summary": "Try a message out; nothing is stored",
    "requestBody": _body(TAKEN),
    "responses": {
        "200": {
            "description": "What would become of it; of a file, one result a line.",
            "content": {"application/json": {"schema": _ref("Preview")}, "application/x-ndjson": _ANY},
        },
        **_refused("401", "403", "408", "413", "415", "429", "503"),
    },
}

MESSAGES: Final[Operation] = {
    "summary": "A sender's own messages since a moment, oldest first, or by the sender's own message id",
    "description": "With `message-id`, the others but `source` do not count: the latest message of that id and every "
    "dead letter of it, in the order received; none is an empty list.",
    "parameters": [
        _query(
            "message-id",
            "As the sender knows it: MSH-9.1^MSH-9.2^MSH-10 for HL7 v2 (`ADT^A01^MSG00001`), X-Request-ID, event code"
            "^endpoint^identifier for a FHIR message, Idempotency-Key, or the SHA-256 of the bytes.",
            {"type": "string", "pattern": r"^[^\u0000-\u001f\u007f]+$", "maxLength": 1000},
        ),
        _query("since", "RFC 3339; a day ago when absent.", MOMENT),
        _query("source", "Whose messages; an operator names it, a sender sees its own whatever it names.", _WORD),
        _query("after", "Id of the last message of the page before.", _WORD),
        _LIMIT,
    ],
    "responses": {"200": _json("The messages.", _ref("Messages")), **_refused("400", "401", "403", "503")},
}

MESSAGE: Final[Operation] = {
    "summary": "What became of a message",
    "parameters": [_ID],
    "responses": {
        "200": _json("Its story.", {"allOf": [_ref("Message"), _ref("Asked")]}),
        **_refused("401", "403", "404", "503"),
    },
}

EVENT: Final[Operation] = {
    "summary": "The life of an event so far: mapped by what, published where and when, consumed by whom",
    "parameters": [_ID],
    "responses": {
        "200": _json("Its story.", {"allOf": [_ref("Event"), _ref("Asked")]}),
        **_refused("401", "403", "404", "503"),
    },
}

BATCH: Final[Operation] = {
    "summary": "Progress of a file, and a page of its rows",
    "parameters": [_ID, _query("after", "Rows after this number.", {"type": "integer", "minimum": 0}), _LIMIT],
    "responses": {"200": _json("The batch.", _ref("Batch")), **_refused("400", "401", "403", "404", "503")},
}

_STATUS: Final = _query("status", "`open` when absent.", {"enum": ["open", "closed", "discarded"], "default": "open"})
_SOURCE: Final = _query("source", "Only of this source.", {"type": "string", "maxLength": 64})
_ON_LETTERS: Final = ("400", "401", "403", "404", "408", "413", "415", "429", "503")

GROUPS: Final[Operation] = {
    "summary": "Dead letters in groups of one cause, for operators",
    "parameters": [_SOURCE, _STATUS, _LIMIT],
    "responses": {"200": _json("The groups.", _ref("LetterGroups")), **_refused("400", "401", "403", "503")},
}

LETTERS: Final[Operation] = {
    "summary": "Dead letters one by one, the latest first",
    "parameters": [
        _query("group", "Only of this group.", GROUP),
        _SOURCE,
        _STATUS,
        _query("after", "The `next` of the page before.", UUID),
        _LIMIT,
    ],
    "responses": {"200": _json("The letters.", _ref("Letters")), **_refused("400", "401", "403", "503")},
}

LETTER: Final[Operation] = {
    "summary": "One dead letter, why it is one, and what was done with it",
    "parameters": [_ID],
    "responses": {"200": _json("The letter.", {"type": "object"}), **_refused("401", "403", "404", "503")},
}

PREVIEW_LETTERS: Final[Operation] = {
    "summary": "What a retry would make of a dead letter, or of a page of a group; nothing is published",
    "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Chosen")}}},
    "responses": {"200": _json("What would become of each.", _ref("WorkedLetters")), **_refused(*_ON_LETTERS)},
}

RETRY: Final[Operation] = {
    "summary": "Takes a dead letter, or a page of a group in the order received, in again",
    "description": "Needs the role `operator`. Safe to repeat: what is closed by then is left alone. For a group, send "
    "`after` = `next` until that is null.",
    "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Chosen")}}},
    "responses": {"200": _json("What became of each.", _ref("WorkedLetters")), **_refused(*_ON_LETTERS)},
}

DISCARD: Final[Operation] = {
    "summary": "Discards a dead letter, or a page of a group, with a reason that stays on record",
    "description": "Needs the role `operator`.",
    "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Discarding")}}},
    "responses": {"200": _json("How many were discarded.", _ref("DiscardedLetters")), **_refused(*_ON_LETTERS)},
}

TOPICS: Final[Operation] = {
    "summary": "The topics that events go to: a sender's own, or all",
    "responses": {"200": _json("The topics.", {"type": "object"}), **_refused("401", "403", "503")},
}

HEALTH: Final[Operation] = {
    "summary": "Every check with what it found; names sources",
    "responses": {"200": _json("The report.", {"type": "object"}), **_refused("401", "403", "503")},
}

LIVE: Final[Operation] = {
    "summary": "The process answers",
    "security": [],
    "responses": {"200": _json("It does.", {"type": "object"})},
}

READY: Final[Operation] = {
    "summary": "Whether a message sent now can be kept",
    "security": [],
    "responses": {
        "200": _json("Ready.", {"type": "object"}),
        "503": _json("Not ready, with the reasons.", {"type": "object"}),
    },
}

STARTUP: Final[Operation] = {
    "summary": "Whether the gateway has been ready once",
    "security": [],
    "responses": {"200": _json("Started.", {"type": "object"}), "503": _json("Starting.", {"type": "object"})},
}

METRICS: Final[Operation] = {
    "summary": "Metrics for Prometheus",
    "responses": {
        "200": {"description": "Text exposition format.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **_refused("401", "403", "503"),
    },
}


def document(addresses: Iterable[Address]) -> dict[str, Any]:
    """The whole OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for address in addresses:
        paths.setdefault(address.path, {})[address.method.lower()] = dict(address.described)
    return {
        "openapi": "3.1.0",
        "info": {"title": "carehub", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }
