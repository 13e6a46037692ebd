"""Files that do not go on, in words: for health and status alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from contract.event import rfc3339
from gateway.store.batches import Stopped

STUCK_SECONDS: Final = 60.0
"""How long a file has been stopped before that is told as wrong: it goes on by itself after a moment's trouble."""


def file_faults(stopped: Sequence[tuple[str, Stopped]], now: datetime) -> list[str]:
    """A sentence for each source of which a file has stood for a while, empty when there is none."""
    faults: dict[str, str] = {}
    for source, stop in stopped:
        if (now - stop.since).total_seconds() > STUCK_SECONDS:
            why = f"{stop.code}: carehub doctor, or the gateways' logs"
            faults.setdefault(source, f"a file of {source} has not gone on since {rfc3339(stop.since)} by {why}")
    return list(faults.values())
