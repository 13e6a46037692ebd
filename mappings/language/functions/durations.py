"""Lengths of time: how many minutes they are, and what time it is when they are over."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from contract.errors import Code
from mappings.language.functions.numbers import LARGEST, as_number
from mappings.language.functions.registry import function
from mappings.language.functions.times import timed_instant
from mappings.language.runtime.state import State

_SECONDS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}
"""By UCUM code. Months and years have no length of their own."""


@function("minutes", "amount unit?", "positiveInt")
def minutes(state: State, where: str, amount: str, unit: str | None = None) -> int | None:
    """A length of time in whole minutes; the unit as a UCUM code (s, min, h, d, wk), minutes where there is none.
    Nothing, with the issue `invalid-value`, where it is no whole number of minutes."""
    seconds = _seconds(amount, unit)
    if seconds is None or seconds % 60 or not 0 < seconds // 60 <= LARGEST:
        state.note(Code.INVALID_VALUE, where, "this is no whole number of minutes; it is left out")
        return None
    return int(seconds // 60)


@function("later", "time amount unit?", "instant")
def later(state: State, where: str, time: str, amount: str, unit: str | None = None) -> str | None:
    """The time when a length of time has passed since another, with the offset of that one; the unit as for `minutes`.
    Nothing where the first has no time of day; with the issue `invalid-value` where the length is none."""
    start = timed_instant(state, where, time)
    if start is None:
        return None
    seconds = _seconds(amount, unit)
    try:
        end = datetime.fromisoformat(start) + timedelta(seconds=float(seconds)) if seconds is not None else None
    except OverflowError:  # beyond the calendar
        end = None
    if end is None:
        state.note(Code.INVALID_VALUE, where, "this is no length of time; what it would end at is left out")
        return None
    return end.isoformat().replace("+00:00", "Z") if start.endswith("Z") else end.isoformat()


def _seconds(amount: str, unit: str | None) -> Decimal | None:
    number, length = as_number(amount), _SECONDS.get(unit or "min")
    return None if number is None or length is None else Decimal(str(number)) * length
