"""MLLP framing (HL7 v2 Transport Specification: MLLP, release 1): `0x0B message 0x1C 0x0D`.

A pure incremental parser: bytes in, whole frames out, however TCP has cut them. It tolerates what real senders do: no
carriage return after the end block, line feeds between frames, a frame begun anew in the middle of another. What it
holds is bounded: by `limit` inside a frame, by `junk_limit` outside of frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from contract.errors import CarehubError

START: Final = 0x0B
END: Final = 0x1C
CARRIAGE_RETURN: Final = 0x0D

_BETWEEN_FRAMES: Final = b"\r\n"
_BEGUN_ANEW: Final = b"\x0bMSH"
_KEPT_OF_OVERSIZED: Final = 4096
"""Enough for the MSH segment, so that an oversized message can be refused by its control id."""


class NotMllp(CarehubError):
    """The peer does not speak MLLP, or sends a frame without end: the connection is to be closed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stood between start and end block. Of an `oversized` one, only its first bytes."""

    content: bytes
    oversized: bool = False


def enframed(content: bytes) -> bytes:
    return b"%c%b%c%c" % (START, content, END, CARRIAGE_RETURN)


class Framer:
    """Feed it what was read; it gives back the frames that are complete, in order.

    A frame longer than `limit` bytes is read on without being kept, up to four times the limit, so that the peer is
    still there to read why it is refused.
    """

    def __init__(self, limit: int, junk_limit: int = 1024) -> None:
        self._limit = limit
        self._junk_limit = junk_limit
        self._junk = 0
        self._buffer = bytearray()
        self._in_frame = False
        self._dropped = 0

    @property
    def in_frame(self) -> bool:
        """Whether a frame has begun and not ended: its time is limited."""
        return self._in_frame

    @property
    def held(self) -> int:
        """Bytes held in memory."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Raises NotMllp when there is too much between frames, or no end within four times the limit."""
        frames: list[Frame] = []
        position = 0
        while position < len(data):
            if self._in_frame:
                end = data.find(END, position)
                self._hold(data[position : end if end >= 0 else len(data)])
                if end < 0:
                    break
                frames.append(self._complete())
                position = end + 1
            else:
                start = data.find(START, position)
                self._skip(data[position : start if start >= 0 else len(data)])
                if start < 0:
                    break
                self._in_frame = True
                position = start + 1
        return frames

    def _hold(self, piece: bytes) -> None:
        room = self._limit - len(self._buffer)
        if not self._dropped and len(piece) <= room:
            self._buffer += piece
            return
        if not self._dropped:
            self._buffer += piece[:room]
            self._dropped = len(self._buffer)
            del self._buffer[_KEPT_OF_OVERSIZED:]
            piece = piece[room:]
        self._dropped += len(piece)
        if self._dropped > 4 * self._limit:
            raise NotMllp("a frame without end")

    def _complete(self) -> Frame:
        oversized = self._dropped > 0
        content = bytes(self._buffer)
        self._buffer = bytearray()
        self._in_frame, self._dropped, self._junk = False, 0, 0
        if not oversized and (anew := content.rfind(_BEGUN_ANEW)) >= 0:
            content = content[anew + 1 :]
        return Frame(content, oversized)

    def _skip(self, piece: bytes) -> None:
        self._junk += len(piece.translate(None, _BETWEEN_FRAMES))
        if self._junk > self._junk_limit:
            raise NotMllp("too much between two frames")
