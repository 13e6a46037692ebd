"""Numbers, truth values and quantities."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from contract.errors import Code
from mappings.language.functions.registry import function
from mappings.language.runtime.state import State

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_TRUE: Final = frozenset({"y", "yes", "true", "1", "t"})
_FALSE: Final = frozenset({"n", "no", "false", "0", "f"})
_COMPARATORS: Final = frozenset({"<", "<=", ">=", ">"})


def as_number(text: str) -> int | float | Decimal | None:
    """The number as JSON can carry it: Decimal only where a float would not print as it was written (`1.10`)."""
    stripped = text.strip().removeprefix("+")
    if not _NUMBER.fullmatch(stripped):
        return None
    exact = Decimal(stripped)
    if exact == exact.to_integral_value() and "." not in stripped:
        return int(exact)
    written = format(exact, "f")
    approximate = float(exact)
    return approximate if repr(approximate) == written else exact


@function("number", "text", "decimal")
def number(state: State, where: str, text: str) -> int | float | Decimal | None:
    """A decimal number, with the precision stated."""
    found = as_number(text)
    if found is None:
        state.refuse(Code.INVALID_VALUE, where, "this is no number")
    return found


@function("integer", "text", "integer")
def integer(state: State, where: str, text: str) -> int | None:
    """A whole number."""
    found = as_number(text)
    if not isinstance(found, int):
        state.refuse(Code.INVALID_VALUE, where, "this is no whole number")
        return None
    return found


@function("positive", "text", "positiveInt")
def positive(state: State, where: str, text: str) -> int | None:
    """A whole number from 1; zero is left out, since it says "no rank"."""
    found = integer(state, where, text)
    return found if found is not None and found > 0 else None


@function("boolean", "text", "boolean")
def boolean(state: State, where: str, text: str) -> bool | None:
    """Y, yes, true, 1 or N, no, false, 0, in any case."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    state.refuse(Code.INVALID_VALUE, where, "this is neither yes nor no; write Y or N")
    return None


def _amount(value: Any, unit: str | None) -> dict[str, Any]:
    return {"value": value, "unit": unit} if unit else {"value": value}


@function("quantity", "value unit?", "Quantity")
def quantity(state: State, where: str, value: str, unit: str | None = None) -> dict[str, Any] | None:
    """A measured value with its unit as written."""
    found = as_number(value)
    if found is None:
        state.refuse(Code.INVALID_VALUE, where, "this is no number")
        return None
    return _amount(found, unit)


@function("structured_numeric", "SN unit?", "Quantity Range Ratio string")
def structured_numeric(state: State, where: str, raw: str, unit: str | None = None) -> tuple[str, Any] | None:
    """HL7 SN: `>^100` is a Quantity with comparator, `^1^-^5` a Range, `^1^:^128` a Ratio."""
    comparator, first, separator, second, *_ = (*raw.split(state.delimiters.component), "", "", "", "")
    low, high = as_number(first), as_number(second)
    if separator and low is not None and high is not None:
        if separator == "-":
            return "Range", {"low": _amount(low, unit), "high": _amount(high, unit)}
        if separator in (":", "/"):
            return "Ratio", {"numerator": _amount(low, unit), "denominator": _amount(high, None)}
    if low is None or separator or (comparator and comparator not in (*_COMPARATORS, "=")):
        state.note(Code.UNKNOWN_OBX_TYPE, where, "this structured number cannot be read; it is kept as text")
        return "string", " ".join(part for part in (comparator, first, separator, second) if part)
    amount = _amount(low, unit)
    return "Quantity", {"comparator": comparator, **amount} if comparator in _COMPARATORS else amount
