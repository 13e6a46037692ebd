"""What one gateway lets its senders cost it: sizes in bytes, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from contract.topics import MAX_MESSAGE_BYTES

MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """`message` is the largest single message, `file` the largest body of several. `in_flight` is what all bodies that
    are being read or worked on may hold together. A body must have come whole within `body_seconds`, and a frame
    within `frame_seconds` of its first byte; a connection may be silent for `idle_seconds`. `at_once` is the number of
    requests one source may have open, `connections` that of one MLLP listener.
    """

    message: int = MAX_MESSAGE_BYTES
    file: int = 256 * MEGABYTE
    in_flight: int = 512 * MEGABYTE
    body_seconds: float = 60.0
    frame_seconds: float = 60.0
    idle_seconds: float = 3600.0
    answer_seconds: float = 30.0
    at_once: int = 512
    connections: int = 128


class InFlight:
    """Counts the bytes that bodies hold, so that many large ones together are refused before memory is gone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    @property
    def held(self) -> int:
        return self._held

    def grows(self, size: int) -> bool:
        """Whether `size` more bytes fit; if so they are counted until `shrinks`."""
        if self._held + size > self._limit:
            return False
        self._held += size
        return True

    def shrinks(self, size: int) -> None:
        self._held -= size
