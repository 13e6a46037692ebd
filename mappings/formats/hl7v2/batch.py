"""Bodies of several HL7 v2 messages: FHS/BHS batches (HL7 v2.8 §2.10.3), and messages one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from contract.errors import Code, Undecodable, refuse

_START = re.compile(
    rb"(?:\A(?:\xef\xbb\xbf)?|(?<=[\r\n\x0b]))[ \t\x0b]*(?:\xef\xbb\xbf)?(MSH|FHS|BHS|BTS|FTS)(?=[^A-Za-z0-9])"
)
_FURTHEST_START = 4
"""Of a message that stands alone: behind MLLP's start and a byte order mark."""
_NOTHING = b"\x0b\x1c\r\n\t \x00"


def is_batch(body: bytes) -> bool:
    """Whether the body holds batch segments or more than one MSH."""
    first = body.find(b"MSH")
    if 0 <= first <= _FURTHEST_START and body.find(b"MSH", first + 3) < 0:
        return False  # nearly every body, for the price of one search
    starts = [found[1] for found in islice(_START.finditer(body), 2)]
    return len(starts) > 1 or (len(starts) == 1 and starts[0] != b"MSH")


def split_messages(body: bytes) -> Iterator[bytes]:
    """The messages, in order, each from its MSH to the next message or batch segment; the batch segments themselves
    say nothing that a message needs.

    Raises Undecodable, when the first is asked for, with the path `line 1` if something else comes before it, and with
    the path `MSH` if there is none.
    """
    first = _START.search(body)
    if first and body[: first.start()].strip(_NOTHING):
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, "the body begins with something that is no segment", "line 1")
    if not any(found[1] == b"MSH" for found in _START.finditer(body)):
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, "there is no message in this batch", "MSH")
    begun: int | None = None
    for found in _START.finditer(body):
        if begun is not None:
            yield body[begun : found.start()]
        begun = found.start() if found[1] == b"MSH" else None
    if begun is not None:
        yield body[begun:]
