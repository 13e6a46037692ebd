"""Builds HL7 v2 acknowledgements: MSH, MSA, and ERR in the shape of the sender's version (HL7 v2 chapter 2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from contract.errors import Code, Issue, Severity
from gateway.mllp.header import Header
from mappings.formats.hl7v2.delimiters import UNDECLARED, in_their_places

_MOST_ERRORS: Final = 20
_FRAMING: Final = b"\x0b\x1c\r"
_SEVERITY: Final = {Severity.ERROR: b"E", Severity.WARNING: b"W", Severity.INFORMATION: b"I"}

_TABLE_0357: Final = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "205": "Duplicate key identifier",
    "207": "Application internal error",
}

_ERROR_CODES: Final = {
    Code.EMPTY: "100",
    Code.UNRECOGNISED_FORMAT: "100",
    Code.MALFORMED_HL7V2: "100",
    Code.MISSING_FIELD: "101",
    Code.INVALID_VALUE: "102",
    Code.INVALID_DATE: "102",
    Code.INVALID_NHS_NUMBER: "102",
    Code.AMBIGUOUS_TIME: "102",
    Code.BAD_ENCODING: "102",
    Code.UNKNOWN_OBX_TYPE: "102",
    Code.INVALID_FHIR: "102",
    Code.UNMAPPED_CODE: "103",
    Code.UNSUPPORTED_MESSAGE: "200",
    Code.FORBIDDEN: "200",
    Code.UNSUPPORTED_TRIGGER: "201",
    Code.MESSAGE_ID_CONFLICT: "205",
}
"""Ours to table 0357; what is not here is 207."""

_SOURCE_PATH: Final = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<occurrence>\d+)\])?"
    r"(?:-(?P<field>\d+)(?:\[(?P<repetition>\d+)\])?(?:\.(?P<component>\d+)(?:\.(?P<sub>\d+))?)?)?"
)


def acknowledgement(header: Header, code: str, issues: tuple[Issue, ...], control_id: str, now: datetime) -> bytes:
    """One ACK message, segments ended by carriage returns. `code` is MSA-1, `control_id` our own MSH-10. What is the
    sender's comes without bytes that begin or end an MLLP frame."""
    segments = [_msh(header, control_id, now), _msa(header, code, issues)]
    modern = _version(header) >= (2, 5)
    segments += [(_err if modern else _err_before_2_5)(header, issue) for issue in issues[:_MOST_ERRORS]]
    return b"".join(segment.translate(None, _FRAMING) + b"\r" for segment in segments)


def _msh(header: Header, control_id: str, now: datetime) -> bytes:
    stamp = now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000").encode()
    fields = [
        b"MSH",
        header.encoding,
        header.to_application,
        header.to_facility,
        header.application,
        header.facility,
        stamp,
        b"",
        _message_type(header),
        control_id.encode(),
        header.processing_id,
        header.version,
    ]
    if header.character_set:
        fields += [b""] * 5 + [header.character_set]
    return header.field.join(fields)


def _message_type(header: Header) -> bytes:
    """MSH-9: `ACK` up to 2.2, `ACK^A01` in 2.3, `ACK^A01^ACK` from 2.3.1."""
    version = _version(header)
    if not header.trigger or version < (2, 3):
        return b"ACK"
    parts = [b"ACK", header.trigger] if version == (2, 3) else [b"ACK", header.trigger, b"ACK"]
    return header.component.join(parts)


def _msa(header: Header, code: str, issues: tuple[Issue, ...]) -> bytes:
    fields = [b"MSA", code.encode(), header.control_id]
    if issues:
        fields.append(_escaped(_sentence(issues[0]), header)[:250])
    return header.field.join(fields)


def _err(header: Header, issue: Issue) -> bytes:
    """From 2.5: ERR-2 location, ERR-3 code, ERR-4 severity, ERR-5 our own code, ERR-7 whether to resend, ERR-8 text."""
    number = _ERROR_CODES.get(issue.code, "207")
    coded = header.component.join((number.encode(), _TABLE_0357[number].encode(), b"HL70357"))
    own = header.component.join((str(issue.code).encode(), b"", b"L"))
    diagnosis = b"retryable: send the message again unchanged" if issue.retryable else b""
    fields = [b"ERR", b"", _location(header, issue.path), coded, _SEVERITY[issue.severity], own, b"", diagnosis]
    return header.field.join([*fields, _escaped(_sentence(issue), header)])


def _err_before_2_5(header: Header, issue: Issue) -> bytes:
    """Before 2.5: ERR-1 is segment, sequence, field and the coded error as subcomponents (type CM, later ELD)."""
    number = _ERROR_CODES.get(issue.code, "207")
    below = header.encoding[3:4] or b"&"
    text = _TABLE_0357[number] + (": send it again" if issue.retryable else "")
    coded = below.join((number.encode(), _escaped(text, header), b"HL70357"))
    found = _SOURCE_PATH.match(issue.path)
    place = [(found[name] or "").encode() if found else b"" for name in ("segment", "occurrence", "field")]
    if found and found["segment"] and not found["occurrence"]:
        place[1] = b"1"
    return header.field.join((b"ERR", header.component.join([*place, coded])))


def _location(header: Header, path: str) -> bytes:
    """ERR-2 (type ERL) of a source path: `PID-3[2].1` is `PID^1^3^2^1`."""
    found = _SOURCE_PATH.match(path)
    if not found:
        return b""
    names = ("segment", "occurrence", "field", "repetition", "component", "sub")
    parts = [found[name] or "" for name in names]
    parts[1] = parts[1] or "1"
    if parts[2]:
        parts[3] = parts[3] or "1"
    while parts and not parts[-1]:
        parts.pop()
    return header.component.join(part.encode() for part in parts)


def _sentence(issue: Issue) -> str:
    return f"{issue.path}: {issue.text}" if issue.path else issue.text


def _version(header: Header) -> tuple[int, ...]:
    parts = header.version.decode("latin-1").split(".")
    return tuple(int(part) for part in parts) if all(p.isascii() and p.isdigit() for p in parts) else (2, 4)


def _escaped(text: str, header: Header) -> bytes:
    """Our own words in the sender's delimiters; ASCII, which every character set of MSH-18 contains."""
    encoding = in_their_places(header.encoding.decode("latin-1"))
    escape = encoding[2].replace(UNDECLARED, "")
    delimiters = {header.field.decode("latin-1"): "F"}
    for letter, name in zip(encoding, "SRET", strict=False):
        delimiters.setdefault(letter, name)
    written = (
        f"{escape}{delimiters[letter]}{escape}" if letter in delimiters and escape else max(letter, " ")
        for letter in text
        if escape or letter not in delimiters
    )
    return "".join(written).encode("ascii", "replace")
