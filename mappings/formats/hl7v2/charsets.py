"""Which characters the bytes mean. MSH-18 (HL7 table 0211) is believed only as far as the bytes bear it out."""

from __future__ import annotations

import re
from typing import Final

from contract.errors import Code, Issue, Severity, Undecodable, refuse

CODECS: Final = {
    "ASCII": "ascii",
    "8859/1": "cp1252",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "KS X 1001": "euc-kr",
}
"""Names of table 0211, and how Python reads them. 8859/1 is read as Windows-1252, its superset in text: senders that
declare the one send the other."""

BYTE_ORDER_MARK: Final = "\ufeff"
"""Means nothing in a text, wherever it stands: files were put one behind the other."""

_HEADER_BYTES = 4096
_LINE_END = re.compile(rb"[\r\n]")


def decode_text(body: bytes) -> tuple[str, tuple[Issue, ...]]:
    """The body as text, and a warning on `MSH-18` when the declared character set was not the one sent.

    Tried in turn: UTF-16 if it has a byte order mark; UTF-8, which other text passes only by design, unless MSH-18
    declares a multi-byte set; what MSH-18 declares; Windows-1252; Latin-1, which takes any byte. Raises Undecodable
    for UTF-16 that is cut in half.
    """
    if body.isascii():
        return body.decode("ascii"), ()
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _utf16(body), ()
    declared = _declared(body)
    candidates = [*declared, "utf-8"] if declared and declared[0] in ("gb18030", "big5", "euc-kr") else ["utf-8"]
    for codec in (*candidates, *declared, "cp1252"):
        try:
            text = body.decode(codec)
        except UnicodeDecodeError:
            continue
        return text, () if codec in (declared or ("utf-8",)) else (_not_as_declared(codec, bool(declared)),)
    return body.decode("latin-1"), (_not_as_declared("latin-1", bool(declared)),)


def _declared(body: bytes) -> list[str]:
    """Codecs of MSH-18's repetitions, in order; unknown names are passed over."""
    start = body.find(b"MSH")
    header = _LINE_END.split(body[start : start + _HEADER_BYTES], maxsplit=1)[0] if start >= 0 else b""
    separator, encoding = header[3:4], header[4:8]
    fields = header.split(separator) if separator else []
    if len(fields) < 18:
        return []
    repetition = encoding[1:2] or b"~"
    names = fields[17].decode("ascii", errors="replace").split(repetition.decode("ascii", errors="replace") or "~")
    return [CODECS[name.strip().upper()] for name in names if name.strip().upper() in CODECS]


def _utf16(body: bytes) -> str:
    try:
        return body.decode("utf-16")
    except UnicodeDecodeError:
        raise refuse(
            Undecodable, Code.BAD_ENCODING, "the body begins as UTF-16 and is not UTF-16 throughout; send UTF-8"
        ) from None


def _not_as_declared(codec: str, declared: bool) -> Issue:
    said = "is not what MSH-18 declares" if declared else "is not UTF-8 and MSH-18 declares nothing else"
    return Issue(
        Code.BAD_ENCODING,
        "MSH-18",
        f"the text {said}; it was read as {codec}. Declare the character set that is sent, best UNICODE UTF-8",
        Severity.WARNING,
    )
