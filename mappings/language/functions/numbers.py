"""Numbers and truth values."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from contract.errors import Code
from mappings.language.functions.registry import function
from mappings.language.runtime.state import State

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_DIGITS: Final = 18
"""That a FHIR decimal may have (R4 §2.24.0.1), and more than any measurement."""
LARGEST: Final = 2**31 - 1
"""Of FHIR's integer."""
_TRUE: Final = frozenset({"y", "yes", "true", "1", "t"})
_FALSE: Final = frozenset({"n", "no", "false", "0", "f"})


def as_number(text: str) -> int | float | Decimal | None:
    """The number as JSON can carry it: Decimal only where a float would not print as it was written (`1.10`). None for
    what is no number, or longer than a FHIR decimal."""
    stripped = text.strip().removeprefix("+")
    if not _NUMBER.fullmatch(stripped):
        return None
    exact = Decimal(stripped)
    if len(exact.as_tuple().digits) > _DIGITS or exact.adjusted() < -_DIGITS:
        return None
    if exact == exact.to_integral_value() and "." not in stripped:
        return int(exact)
    written = format(exact, "f")
    approximate = float(exact)
    return approximate if repr(approximate) == written else exact


def _whole(text: str) -> int | None:
    found = as_number(text)
    return found if isinstance(found, int) and abs(found) <= LARGEST else None


@function("number", "text", "decimal")
def number(state: State, where: str, text: str) -> int | float | Decimal | None:
    """A decimal number, with the precision stated."""
    found = as_number(text)
    if found is None:
        state.unreadable(Code.INVALID_VALUE, where, "this is no number")
    return found


@function("readable_number", "text", "decimal")
def readable_number(state: State, where: str, text: str) -> int | float | Decimal | None:
    """As `number`; nothing, with the issue `invalid-value`, where the text is no number."""
    found = as_number(text)
    if found is None:
        state.note(Code.INVALID_VALUE, where, "this is no number; it is left out")
    return found


@function("integer", "text", "integer")
def integer(state: State, where: str, text: str) -> int | None:
    """A whole number."""
    found = _whole(text)
    if found is None:
        state.unreadable(Code.INVALID_VALUE, where, "this is no whole number")
    return found


@function("readable_integer", "text", "integer")
def readable_integer(state: State, where: str, text: str) -> int | None:
    """As `integer`; nothing, with the issue `invalid-value`, where the text is no whole number."""
    found = _whole(text)
    if found is None:
        state.note(Code.INVALID_VALUE, where, "this is no whole number; it is left out")
    return found


@function("positive", "text", "positiveInt")
def positive(state: State, where: str, text: str) -> int | None:
    """A whole number from 1; zero is left out, since it says "no rank", and so is what is no number, with the issue
    `invalid-value`."""
    found = readable_integer(state, where, text)
    return found if found is not None and found > 0 else None


@function("boolean", "text", "boolean")
def boolean(state: State, where: str, text: str) -> bool | None:
    """Y, yes, true, 1 or N, no, false, 0, in any case."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    state.unreadable(Code.INVALID_VALUE, where, "this is neither yes nor no; write Y or N")
    return None
