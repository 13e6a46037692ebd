"""Clocks that jump: each process of the hub reads the time through libfaketime, from a file that a fault rewrites. The
monotonic clock stays true, as on a machine whose time is set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers import UnstartableError

LIBRARIES: Final = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one process. `file` holds how far it is from the true time."""

    library: str
    file: Path

    def environment(self) -> dict[str, str]:
        """What the process is started with."""
        self.set(0)
        return {
            "LD_PRELOAD": self.library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else every wait of a thread with a time limit spins
        }

    def set(self, seconds: int) -> None:
        """Makes it go wrong by so much, within about a second; 0 makes it right again."""
        part = self.file.with_suffix(".part")
        part.write_text(f"{seconds:+d}s\n")
        part.replace(self.file)


def faketime_library() -> str:
    """Raises UnstartableError where it is not installed."""
    for pattern in LIBRARIES:
        found = sorted(Path("/").glob(pattern.removeprefix("/")))
        if found:
            return str(found[0])
    raise UnstartableError("no libfaketime: install the package faketime")
