"""Refusals, and the closed list of codes they carry.

    CarehubError
    ├── Refusal            a message that is not accepted, with the issues that say why
    │   ├── Unauthenticated    no credential, or a wrong one
    │   ├── Forbidden          a good credential that may not do this
    │   ├── Undecodable        the bytes are not what they claim to be
    │   ├── Unprocessable      decoded, but it cannot be mapped or is invalid
    │   ├── Conflict           the same message id with other content
    │   ├── TooLarge           over a size limit
    │   ├── UnsupportedType    a Content-Type nobody reads
    │   ├── TooMany            over a rate limit
    │   └── Unavailable        cannot be made durable now; the only one worth sending again unchanged
    └── Misconfigured      this installation cannot start or serve; the text says what to do

Each transport, and each transport alone, turns a refusal into a status or an acknowledgement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Code(StrEnum):
    """Why a message or a part of it was not taken as it came. Consumers and scripts may match on these."""

    # at the door
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too-large"
    UNSUPPORTED_TYPE = "unsupported-type"
    TOO_MANY = "too-many"
    UNAVAILABLE = "unavailable"
    # decode
    EMPTY = "empty"
    UNRECOGNISED_FORMAT = "unrecognised-format"
    BAD_ENCODING = "bad-encoding"
    MALFORMED_HL7V2 = "malformed-hl7v2"
    MALFORMED_JSON = "malformed-json"
    MALFORMED_XML = "malformed-xml"
    MALFORMED_CSV = "malformed-csv"
    FORBIDDEN_XML = "forbidden-xml"
    # map
    UNSUPPORTED_MESSAGE = "unsupported-message"
    UNSUPPORTED_TRIGGER = "unsupported-trigger"
    MISSING_FIELD = "missing-field"
    INVALID_VALUE = "invalid-value"
    INVALID_DATE = "invalid-date"
    INVALID_NHS_NUMBER = "invalid-nhs-number"
    AMBIGUOUS_TIME = "ambiguous-time"
    UNKNOWN_OBX_TYPE = "obx-type"
    UNMAPPED_CODE = "unmapped-code"
    DROPPED_REFERENCE = "dropped-reference"
    DUPLICATE_RESOURCE = "duplicate-resource"
    # validate
    INVALID_FHIR = "invalid-fhir"
    # keep
    MESSAGE_ID_CONFLICT = "message-id-conflict"
    PARENT_UNKNOWN = "parent-unknown"
    PARENT_NEVER_CAME = "parent-never-came"
    # nobody's fault but ours
    INTERNAL_ERROR = "internal-error"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True)
class Issue:
    """One complaint about one place of a message.

    `path` is in the source format's own words (`PID-7`, `row 12, Date of Birth`, `Bundle.entry[2].resource.status`),
    empty when it is about the whole. `text` is a sentence for a person and never quotes the offending value: a value
    may be somebody's name. `code_list` is the name of the pack's list that lacks a code.
    """

    code: Code
    path: str
    text: str
    severity: Severity = Severity.ERROR
    retryable: bool = False
    code_list: str = ""

    def as_dict(self) -> dict[str, object]:
        return {
            "code": str(self.code),
            "path": self.path,
            "text": self.text,
            "severity": str(self.severity),
            "retryable": self.retryable,
        }


class CarehubError(Exception):
    """Root of all errors raised on purpose."""


class Misconfigured(CarehubError):
    """This installation cannot start or serve. The text says what is wrong and what to do."""


class Refusal(CarehubError):
    """A message that is not accepted. `kept` says whether the bytes are kept as a dead letter."""

    kept: ClassVar[bool] = False

    def __init__(self, *issues: Issue, retry_after: float | None = None) -> None:
        if not issues:
            raise ValueError("a refusal needs at least one issue")
        super().__init__("; ".join(f"{i.path}: {i.text}" if i.path else i.text for i in issues))
        self.issues: tuple[Issue, ...] = issues
        self.retry_after = retry_after

    @property
    def code(self) -> Code:
        """The code of the first issue: what a metric or an ERR segment shows."""
        return self.issues[0].code


class Unauthenticated(Refusal):
    pass


class Forbidden(Refusal):
    pass


class Undecodable(Refusal):
    kept = True


class Unprocessable(Refusal):
    kept = True


class Conflict(Refusal):
    kept = True


class TooLarge(Refusal):
    pass


class UnsupportedType(Refusal):
    pass


class TooMany(Refusal):
    pass


class Unavailable(Refusal):
    pass


def refuse(kind: type[Refusal], code: Code, text: str, path: str = "") -> Refusal:
    """A refusal with one issue, ready to raise. Only `Unavailable` and `TooMany` are retryable."""
    retryable = kind in (Unavailable, TooMany)
    return kind(Issue(code, path, text, retryable=retryable), retry_after=5.0 if retryable else None)


def errors_of(issues: Sequence[Issue]) -> tuple[Issue, ...]:
    """The issues that stop a message; warnings and information do not."""
    return tuple(i for i in issues if i.severity is Severity.ERROR)
