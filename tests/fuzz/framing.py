"""What MLLP promises of any bytes, however TCP cuts them: the same frames, bounded memory, and an acknowledgement of
each that is one frame itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle
from typing import Final

from contract.errors import Code, Issue, Severity
from gateway.mllp.ack import acknowledgement
from gateway.mllp.framing import Frame, Framer, NotMllp, enframed
from gateway.mllp.header import read_header

SIZES: Final = 4
"""Octets at the front of an input that say how the rest is cut: each one more than the size of a read, in turn."""
LIMIT: Final = 200
JUNK_LIMIT: Final = 32
"""Small ones, so that inputs of a few hundred octets reach beyond them."""
NOW: Final = datetime(2026, 7, 1, 12, tzinfo=UTC)
ISSUES: Final = (
    Issue(Code.MISSING_FIELD, "PID-3[2].1", "the field is missing; send it | ^ ~ \\ & it", Severity.ERROR, True),
    Issue(Code.MALFORMED_HL7V2, "line 2", "a line that is no segment"),
)


def mllp(data: bytes) -> None:
    sizes, stream = data[:SIZES], data[SIZES:]
    at_once = frames_of([stream])
    in_pieces = frames_of(pieces(stream, sizes))
    assert at_once == in_pieces, "how a stream is cut says nothing"
    for frame in at_once or ():
        assert len(frame.content) <= LIMIT, "a frame is within its limit"
        assert b"\x1c" not in frame.content, "a frame ends at its end block"
        answered(frame)


def frames_of(reads: Iterator[bytes] | list[bytes]) -> list[Frame] | None:
    """None where the peer does not speak MLLP."""
    framer = Framer(LIMIT, JUNK_LIMIT)
    found: list[Frame] = []
    for read in reads:
        try:
            found += framer.feed(read)
        except NotMllp:
            return None
        assert framer.held <= LIMIT, "what is held is bounded"
    return found


def pieces(stream: bytes, sizes: bytes) -> Iterator[bytes]:
    start = 0
    for size in cycle(sizes or b"\x00"):
        if start >= len(stream):
            return
        yield stream[start : start + size + 1]
        start += size + 1


def answered(frame: Frame) -> None:
    """As a connection does, whatever a decoder says of what is in the frame."""
    header = read_header(frame.content)
    for code, issues in (("AA", ()), ("AE", ISSUES)):
        answer = acknowledgement(header, code, issues, "1", NOW)
        assert answer.startswith(b"MSH"), "an acknowledgement is a message"
        assert Framer(100_000).feed(enframed(answer)) == [Frame(answer)], "an acknowledgement is one frame"


def stream(message: bytes) -> bytes:
    """A seed: two frames with the message, cut at several places."""
    return bytes((7, 0, 63, 200)) + b"\r" + enframed(message[:LIMIT]) + b"\n" + enframed(message[-LIMIT // 2 :])
