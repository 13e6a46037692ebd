"""What FHIR's invariants ask of a data type whose parts came from the source each by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from contract.errors import Code
from mappings.language.runtime.state import State


def settle_period(state: State, where: str, built: dict[str, Any]) -> None:
    """per-1: a period ends no earlier than it begins."""
    start, end = built.get("start"), built.get("end")
    if start and end and _before(end, start):
        del built["end"]
        state.note(Code.INVALID_VALUE, where, "this ends before it begins; the end is left out")


def settle_range(state: State, where: str, built: dict[str, Any]) -> None:
    """rng-2: a range's high is no lower than its low. Beside an end with a value, one that has only a unit is none."""
    if "low" not in built or "high" not in built:
        return
    low, high = (built[end].get("value") for end in ("low", "high"))
    if low is None and high is not None:
        del built["low"]
    elif high is None and low is not None:
        del built["high"]
    elif low is not None and high is not None and high < low:
        del built["high"]
        state.note(Code.INVALID_VALUE, where, "this range ends below where it begins; the upper end is left out")


def settle_attachment(_state: State, _where: str, built: dict[str, Any]) -> None:
    """att-1: whoever gets data is told of what type it is, or that nobody knows."""
    if "data" in built:
        built.setdefault("contentType", "application/octet-stream")


SETTLED: Final[dict[str, Callable[[State, str, dict[str, Any]], None]]] = {
    "Period": settle_period,
    "Range": settle_range,
    "Attachment": settle_attachment,
}
"""By data type: run on each object of it that is made."""


def _before(one: str, other: str) -> bool:
    """Whether a FHIR date or time is before another, as far as both are precise."""
    if "T" in one and "T" in other:
        return datetime.fromisoformat(one) < datetime.fromisoformat(other)
    length = min(len(one.partition("T")[0]), len(other.partition("T")[0]))
    return one[:length] < other[:length]
