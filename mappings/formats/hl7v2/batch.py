"""Bodies of several HL7 v2 messages: FHS/BHS batches (HL7 v2.8 §2.10.3), and messages one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from contract.errors import Code, Undecodable, refuse

_BEGUN = re.compile(
    rb"(?:\A|[\r\n\x0b])"
    rb"(?P<start>(?:\xef\xbb\xbf)?[ \t\x0b]*(?:(?:\xef\xbb\xbf)?(?P<name>MSH|FHS|BHS|BTS|FTS)(?=[^A-Za-z0-9]))?)"
)
"""Every line, or what follows MLLP's start, with its blanks, and the name if it begins with one. What was looked at is
not looked at again, so that a body of blanks takes no longer than another."""
_FURTHEST_START = 4
"""Of a message that stands alone: behind MLLP's start and a byte order mark."""
_NOTHING = b"\x0b\x1c\r\n\t \x00"


def is_batch(body: bytes) -> bool:
    """Whether the body holds batch segments or more than one MSH."""
    first = body.find(b"MSH")
    if 0 <= first <= _FURTHEST_START and body.find(b"MSH", first + 3) < 0:
        return False  # nearly every body, for the price of one search
    names = [name for _, name in islice(_starts(body), 2)]
    return len(names) > 1 or (len(names) == 1 and names[0] != b"MSH")


def _starts(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Where messages and batch segments begin, and the name of the segment."""
    return ((found.start("start"), found["name"]) for found in _BEGUN.finditer(body) if found["name"])


def split_messages(body: bytes) -> Iterator[bytes]:
    """The messages, in order, each from its MSH to the next message or batch segment; the batch segments themselves
    say nothing that a message needs.

    Raises Undecodable, when the first is asked for, with the path `line 1` if something else comes before it, and with
    the path `MSH` if there is none.
    """
    first = next(_starts(body), None)
    if first and body[: first[0]].strip(_NOTHING):
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, "the body begins with something that is no segment", "line 1")
    if not any(name == b"MSH" for _, name in _starts(body)):
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, "there is no message in this batch", "MSH")
    begun: int | None = None
    for start, name in _starts(body):
        if begun is not None:
            yield body[begun:start]
        begun = start if name == b"MSH" else None
    if begun is not None:
        yield body[begun:]
