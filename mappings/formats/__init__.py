"""Decoders: from the bytes of each format to Decoded, and from bodies of several messages to their parts.

recognise   which format is it
split       is it one message or several
decode      the message in its format's own terms
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from contract.errors import Code, Refusal, Undecodable, Unprocessable, UnsupportedType, refuse
from mappings.formats.csv import split_csv
from mappings.formats.fhir.decode import decode_fhir
from mappings.formats.hl7v2.batch import is_batch, split_messages
from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.formats.json import split_array, split_lines
from mappings.formats.part import Part
from mappings.formats.rows import decoded_row
from mappings.formats.strict_json import read_json
from mappings.stages import Decoded, Format

__all__ = ["CONTENT_TYPES", "Part", "decode", "recognise", "split"]

_BY_CONTENT: Final = None
_CLOUDEVENTS: Final = "application/cloudevents+json"
CONTENT_TYPES: Final[dict[str, Format | None]] = {
    "application/hl7-v2": Format.HL7V2,
    "application/hl7-v2+er7": Format.HL7V2,
    "x-application/hl7-v2+er7": Format.HL7V2,
    "application/fhir+json": Format.FHIR,
    "application/fhir+xml": Format.FHIR,
    "application/x-ndjson": Format.JSON,
    "text/csv": Format.CSV,
    "application/json": _BY_CONTENT,
    _CLOUDEVENTS: _BY_CONTENT,
    "text/plain": _BY_CONTENT,
}
"""What may be posted; None: the content decides."""

_HEAD: Final = 4096
_BLANK: Final = b"\xef\xbb\xbf\x0b\r\n\t "


def recognise(body: bytes, content_type: str | None) -> Format:
    """The format of a body: by its Content-Type, and by its content for text/plain, application/json and none.

    Raises UnsupportedType for a Content-Type that nobody reads, Undecodable `unrecognised-format` if the content does
    not tell.
    """
    media_type, parameters = _media_type(content_type)
    if media_type == "application/json" and "source=csv" in parameters:
        return Format.CSV
    if media_type == "application/json":
        return Format.FHIR if _start(body) == b"{" and b'"resourceType"' in body else Format.JSON
    if media_type == _CLOUDEVENTS:
        raise refuse(
            Unprocessable, Code.UNSUPPORTED_MESSAGE, "CloudEvents are not taken in yet; send the event's data itself"
        )
    if media_type and media_type not in CONTENT_TYPES:
        raise refuse(
            UnsupportedType,
            Code.UNSUPPORTED_TYPE,
            f"this Content-Type is not read here; send {_known()}",
            "Content-Type",
        )
    return (CONTENT_TYPES[media_type] if media_type else None) or _by_content(body)


def split(body: bytes, content_type: str | None) -> Iterator[Part] | None:
    """The messages of a body that holds several, None for a single message.

    CSV always holds several, and so do NDJSON, a JSON array, an HL7 batch (FHS, BHS) and several MSH. Raises as
    `recognise`; what is wrong with a file as a whole is raised as Undecodable when the first part is asked for.
    """
    body_format = recognise(body, content_type)
    media_type, parameters = _media_type(content_type)
    if body_format is Format.HL7V2:
        return _messages(body) if is_batch(body) else None
    if body_format is Format.CSV:
        return None if "source=csv" in parameters else split_csv(body)
    if body_format is Format.JSON:
        if media_type == "application/x-ndjson" or _several_lines(body):
            return split_lines(body)
        return split_array(body) if _start(body) == b"[" else None
    return None


def decode(body: bytes, body_format: Format) -> Decoded:
    """One message in its format's own terms. Raises Undecodable or Unprocessable, never anything else."""
    try:
        if body_format is Format.HL7V2:
            return decode_hl7v2(body)
        if body_format is Format.FHIR:
            return decode_fhir(body)
        return decoded_row(_row(body) if body_format is Format.CSV else read_json(body), body_format)
    except RecursionError:
        raise _too_deep() from None


def _row(body: bytes) -> object:
    """A row as `split` made it, or a CSV text of a header and a single row."""
    if _start(body) in (b"{", b"["):
        return read_json(body)
    parts = list(split_csv(body))
    if len(parts) != 1:
        raise refuse(Undecodable, Code.MALFORMED_CSV, "a file of several rows is a batch, which is read row by row")
    if parts[0].issue:
        raise Undecodable(parts[0].issue)
    return read_json(parts[0].body)


def _messages(body: bytes) -> Iterator[Part]:
    for number, message in enumerate(split_messages(body), start=1):
        yield Part(number, message, "application/hl7-v2")


def _by_content(body: bytes) -> Format:
    head = body[:_HEAD].lstrip(_BLANK)
    if not head:
        raise refuse(Undecodable, Code.EMPTY, "the body is empty")
    if head[:3] in (b"MSH", b"FHS", b"BHS") or body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Format.HL7V2
    if head[:1] == b"<":
        return Format.FHIR
    if head[:1] in (b"{", b"["):
        return Format.FHIR if head[:1] == b"{" and b'"resourceType"' in body else Format.JSON
    first_line = head.partition(b"\n")[0]
    if any(mark in first_line for mark in (b",", b";", b"\t")) and b"\n" in head:
        return Format.CSV
    raise refuse(
        Undecodable,
        Code.UNRECOGNISED_FORMAT,
        "the body is neither HL7 v2 (begins with MSH) nor FHIR nor JSON nor CSV with a line of column names; "
        "say what it is in Content-Type",
    )


def _several_lines(body: bytes) -> bool:
    """Whether a body that begins with an object goes on with another one: NDJSON under a general Content-Type."""
    content = body.strip(_BLANK)
    if content[:1] != b"{":
        return False
    line, _, rest = content.partition(b"\n")
    return line.rstrip()[-1:] == b"}" and rest.lstrip()[:1] == b"{"


def _start(body: bytes) -> bytes:
    return body[:_HEAD].lstrip(_BLANK)[:1]


def _media_type(content_type: str | None) -> tuple[str, str]:
    media_type, _, parameters = (content_type or "").partition(";")
    return media_type.strip().lower(), parameters.replace(" ", "").lower()


def _known() -> str:
    return ", ".join(sorted(CONTENT_TYPES))


def _too_deep() -> Refusal:
    return refuse(Undecodable, Code.MALFORMED_JSON, "the body is nested too deeply")
