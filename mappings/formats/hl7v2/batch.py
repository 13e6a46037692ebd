"""Bodies of several HL7 v2 messages: FHS/BHS batches (HL7 v2.8 §2.10.3), and messages one after the other."""

from __future__ import annotations

import re

from contract.errors import Code, Undecodable, refuse

_START = re.compile(
    rb"(?:\A(?:\xef\xbb\xbf)?|(?<=[\r\n\x0b]))[ \t\x0b]*(?:\xef\xbb\xbf)?(MSH|FHS|BHS|BTS|FTS)(?=[^A-Za-z0-9])"
)
_NOTHING = b"\x0b\x1c\r\n\t \x00"


def is_batch(body: bytes) -> bool:
    """Whether the body holds batch segments or more than one MSH."""
    first = body.find(b"MSH")
    if 0 <= first <= 4 and body.find(b"MSH", first + 3) < 0 and b"BTS" not in body and b"FTS" not in body:
        return False
    starts = [found[1] for found in _START.finditer(body)]
    return len(starts) > 1 or (len(starts) == 1 and starts[0] != b"MSH")


def split_messages(body: bytes) -> list[bytes]:
    """The messages, in order, each from its MSH to the next message or batch segment; the batch segments themselves
    say nothing that a message needs.

    Raises Undecodable with the path `MSH` if there is no message, and `line 1` if something else comes first.
    """
    starts = list(_START.finditer(body))
    if starts and body[: starts[0].start()].strip(_NOTHING):
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, "the body begins with something that is no segment", "line 1")
    ends = [found.start() for found in starts[1:]] + [len(body)]
    messages = [body[found.start() : end] for found, end in zip(starts, ends, strict=True) if found[1] == b"MSH"]
    if not messages:
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, "there is no message in this batch", "MSH")
    return messages
