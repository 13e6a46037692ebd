"""What is measured around each input: how many there were, the slowest, and the memory of the process."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from tests.fuzz.targets import Target
from tests.processes import resident_mib

WARM: Final = 0.3
"""Part of the time after which caches are filled and most code is reached: memory is judged from there."""
_WRITTEN_EVERY: Final = 0.2


class TooSlow(AssertionError):
    """One input took more processor time than its target allows."""


@dataclass
class Figures:
    """`seconds` since the first input, `slowest_seconds` of the processor; sizes in bytes; memory is resident MiB, when
    warm and last seen."""

    executions: int = 0
    seconds: float = 0.0
    slowest_seconds: float = 0.0
    slowest_size: int = 0
    warm_mib: float = 0.0
    last_mib: float = 0.0


@dataclass
class Watch:
    """Runs a target's promise on each input, and leaves the figures in a file: a fuzzer's process ends as it likes.

    Raises what the promise raises, and TooSlow.
    """

    target: Target
    file: Path
    seconds: float
    figures: Figures = field(default_factory=Figures)
    _begun: float = field(default_factory=time.monotonic)
    _written: float = 0.0

    def __call__(self, body: bytes) -> None:
        figures = self.figures
        figures.executions += 1
        begun = time.process_time()
        try:
            self.target.promise(body)
        except BaseException:
            self.write()
            raise
        taken = time.process_time() - begun
        if taken > figures.slowest_seconds:
            figures.slowest_seconds, figures.slowest_size = taken, len(body)
        if taken > self.target.seconds:
            self.write()
            raise TooSlow(f"{taken:.1f} s of the processor for {len(body)} bytes")
        if time.monotonic() - self._written > _WRITTEN_EVERY:
            self.write()

    def write(self) -> None:
        now = time.monotonic()
        self.figures.seconds = now - self._begun
        self.figures.last_mib = resident_mib()
        if now - self._begun < WARM * self.seconds or not self.figures.warm_mib:
            self.figures.warm_mib = self.figures.last_mib
        self.file.write_text(json.dumps(asdict(self.figures)))
        self._written = now
