"""From a refusal to a status and an OperationOutcome: the one place of the HTTP door where errors are translated.

An issue names the source path in `expression` and our code in `details`; its text never quotes a value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import orjson

from contract.errors import (
    Code,
    Conflict,
    Forbidden,
    Issue,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Undecodable,
    Unprocessable,
    UnsupportedType,
)
from gateway.http.exchange import FHIR, Answer
from gateway.ops.faults import Incident

ERROR_CODE_SYSTEM: Final = "urn:carehub:error-code"
BARS_CODE_SYSTEM: Final = "https://fhir.nhs.uk/CodeSystem/http-error-codes"

STATUS: Final[Mapping[type[Refusal], int]] = {
    Unauthenticated: 401,
    Forbidden: 403,
    Undecodable: 400,
    Unprocessable: 422,
    Conflict: 409,
    TooLarge: 413,
    UnsupportedType: 415,
    TooMany: 429,
    Unavailable: 503,
}

_ISSUE_TYPE: Final[Mapping[Code, str]] = {
    Code.UNAUTHENTICATED: "login",
    Code.FORBIDDEN: "forbidden",
    Code.TOO_LARGE: "too-long",
    Code.UNSUPPORTED_TYPE: "not-supported",
    Code.TOO_MANY: "throttled",
    Code.UNAVAILABLE: "transient",
    Code.FORBIDDEN_XML: "security",
    Code.UNSUPPORTED_MESSAGE: "not-supported",
    Code.UNSUPPORTED_TRIGGER: "not-supported",
    Code.UNKNOWN_OBX_TYPE: "not-supported",
    Code.MISSING_FIELD: "required",
    Code.INVALID_VALUE: "value",
    Code.INVALID_DATE: "value",
    Code.INVALID_NHS_NUMBER: "value",
    Code.AMBIGUOUS_TIME: "value",
    Code.UNMAPPED_CODE: "code-invalid",
    Code.DROPPED_REFERENCE: "not-found",
    Code.PARENT_UNKNOWN: "not-found",
    Code.PARENT_NEVER_CAME: "not-found",
    Code.INVALID_FHIR: "invalid",
    Code.MESSAGE_ID_CONFLICT: "conflict",
    Code.INTERNAL_ERROR: "exception",
}
"""Codes to FHIR issue types; what is not here is about the shape of the bytes: `structure`."""

_BARS_CODES: Final[Mapping[int, str]] = {
    400: "REC_BAD_REQUEST",
    401: "REC_UNAUTHORIZED",
    403: "REC_FORBIDDEN",
    409: "REC_CONFLICT",
    422: "REC_UNPROCESSABLE_ENTITY",
    429: "REC_TOO_MANY_REQUESTS",
    500: "REC_SERVER_ERROR",
    503: "REC_UNAVAILABLE",
}
"""How the Booking and Referral Standard names a receiver's refusals; REC_CONFLICT is verified, the others follow it."""

_REQUEST_ISSUES: Final[Mapping[int, tuple[str, str, str]]] = {
    400: ("invalid", "bad-request", "the request cannot be read: see the description of this address in /openapi.json"),
    404: ("not-found", "not-found", "there is nothing here, or it is not yours to see"),
    405: ("not-supported", "method-not-allowed", "this address does not take this method"),
    408: ("timeout", "too-slow", "the body did not come in time; send the message again"),
}
"""What is wrong with a request before it is a message: issue type, code, text."""


def refused(refusal: Refusal, *, bars: bool = False) -> Answer:
    """The answer to a refusal; with `bars`, its issues are coded as the Booking and Referral Standard asks, too."""
    status = STATUS[type(refusal)]
    headers: list[tuple[bytes, bytes]] = []
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="carehub"'))
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(refusal.retry_after))))
    issues = [_issue(issue, _BARS_CODES.get(status) if bars else None) for issue in refusal.issues]
    return Answer(status, _outcome(issues), FHIR, tuple(headers))


def failed(incident: Incident) -> Answer:
    """The answer to a fault of our own: 500 with the incident's id, by which the log tells more."""
    text = f"the hub failed; nothing was acknowledged, send the message again (incident {incident.id})"
    return Answer(500, _outcome([_issue(Issue(Code.INTERNAL_ERROR, "", text, retryable=True))]), FHIR)


def wrong_request(status: int, text: str | None = None) -> Answer:
    """The answer to a request that is no message: 400, 404, 405 or 408."""
    kind, code, usual = _REQUEST_ISSUES[status]
    coding = {"system": ERROR_CODE_SYSTEM, "code": code}
    issue = {"severity": "error", "code": kind, "details": {"coding": [coding], "text": text or usual}}
    return Answer(status, _outcome([issue]), FHIR)


def _outcome(issues: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": issues})


def _issue(issue: Issue, bars: str | None = None) -> dict[str, Any]:
    coding = [{"system": ERROR_CODE_SYSTEM, "code": str(issue.code)}]
    if bars:
        coding.insert(0, {"system": BARS_CODE_SYSTEM, "code": bars})
    document: dict[str, Any] = {
        "severity": str(issue.severity),
        "code": _ISSUE_TYPE.get(issue.code, "structure"),
        "details": {"coding": coding, "text": issue.text},
    }
    if issue.path:
        document["expression"] = [issue.path]
    if issue.retryable:
        document["diagnostics"] = "retryable: send the message again unchanged"
    return document
