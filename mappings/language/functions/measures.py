"""Measured values: quantities, structured numbers, and the limits of a reference range."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from contract.errors import Code
from mappings.language.functions.numbers import as_number
from mappings.language.functions.registry import function
from mappings.language.runtime.reading import address_of, plain_text, word_of
from mappings.language.runtime.settling import settle_range
from mappings.language.runtime.state import State

Number: TypeAlias = int | float | Decimal

_COMPARATORS: Final = frozenset({"<", "<=", ">=", ">"})
_SIGNS: Final = {"≤": "<=", "≥": ">=", "=<": "<=", "=>": ">="}
_NUMBER: Final = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_ONE_SIDED: Final = re.compile(rf"(<=|=<|<|>=|=>|>|≤|≥)\s*({_NUMBER})", re.ASCII)
_BETWEEN: Final = re.compile(rf"[\[(]?\s*({_NUMBER})\s*(?:-|\u2013|to)\s*({_NUMBER})\s*[\])]?", re.ASCII)


class Unit(NamedTuple):
    """How a value's unit is told: as people read it, and its code in the system that the sender names."""

    text: str | None
    system: str | None
    code: str | None


def _amount(value: Any, unit: Unit) -> dict[str, Any]:
    return {"value": value, **_unit_elements(unit)}


@lru_cache(maxsize=1024)
def _unit_elements(unit: Unit) -> dict[str, str]:
    """The elements of a Quantity beside its value: a laboratory has a few dozen units."""
    elements = {"unit": unit.text} if unit.text else {}
    code = word_of(unit.code)
    if unit.system and code:
        elements |= {"system": address_of(unit.system), "code": code}
    return elements


@function("quantity", "value unit?", "Quantity")
def quantity(state: State, where: str, value: str, unit: str | None = None) -> dict[str, Any] | None:
    """A measured value with its unit as written."""
    found = as_number(value)
    if found is None:
        state.unreadable(Code.INVALID_VALUE, where, "this is no number")
        return None
    return _amount(found, Unit(unit, None, None))


@function("measured", "text unit? system? code?", "Quantity string")
def measured(
    state: State, where: str, text: str, unit: str | None = None, system: str | None = None, code: str | None = None
) -> tuple[str, Any]:
    """A number, or one with a comparator (`<5`), with its unit; anything else is kept as text, with the issue
    `obx-type`."""
    found = _measured(text, Unit(unit, system, code))
    if found is not None:
        return "Quantity", found
    state.note(Code.UNKNOWN_OBX_TYPE, where, "this is no number; it is kept as text")
    return "string", f"{text.strip()} {unit}" if unit else text.strip()


@function("measured_text", "text unit system? code?", "Quantity string")
def measured_text(
    _state: State, _where: str, text: str, unit: str, system: str | None = None, code: str | None = None
) -> tuple[str, Any]:
    """What came as text with a unit beside it, as `measured` where it is a number; else text, which says its unit."""
    found = _measured(text, Unit(unit, system, code))
    if found is not None:
        return "Quantity", found
    return "string", text if unit.lower() in text.lower() else f"{text} {unit}"


def _measured(text: str, unit: Unit) -> dict[str, Any] | None:
    stated = text.strip()
    found = _ONE_SIDED.fullmatch(stated)
    value = as_number(found[2] if found else stated)
    if value is None:
        return None
    amount = _amount(value, unit)
    return {"comparator": _SIGNS.get(found[1], found[1]), **amount} if found else amount


@function("structured_numeric", "SN unit? system? code?", "Quantity Range Ratio string")
def structured_numeric(
    state: State, where: str, raw: str, unit: str | None = None, system: str | None = None, code: str | None = None
) -> tuple[str, Any] | None:
    """HL7 SN: `>^100` is a Quantity with comparator, `^1^-^5` a Range, `^1^:^128` a Ratio; a bare number is one."""
    parts = [plain_text(state, part) for part in raw.split(state.delimiters.component)[:4]]
    if not any(parts):
        return None
    comparator, first, separator, second = (*parts, "", "", "", "")[:4]
    if not first and as_number(comparator) is not None:
        comparator, first = "", comparator  # some senders write a bare number
    told = Unit(unit, system, code)
    low, high = as_number(first), as_number(second)
    if separator and low is not None and high is not None:
        if separator == "-":
            span = {"low": _amount(low, told), "high": _amount(high, told)}
            settle_range(state, where, span)
            return "Range", span
        if separator in (":", "/"):
            numerator = _amount(low, told)
            if comparator in _COMPARATORS:
                numerator = {"comparator": comparator, **numerator}
            return "Ratio", {"numerator": numerator, "denominator": _amount(high, Unit(None, None, None))}
    if low is None or separator or (comparator and comparator not in (*_COMPARATORS, "=")):
        state.note(Code.UNKNOWN_OBX_TYPE, where, "this structured number cannot be read; it is kept as text")
        return "string", " ".join(part for part in (comparator, first, separator, second, unit) if part)
    amount = _amount(low, told)
    return "Quantity", {"comparator": comparator, **amount} if comparator in _COMPARATORS else amount


@function("lower_limit", "text unit? system? code?", "Quantity")
def lower_limit(
    _state: State, _where: str, text: str, unit: str | None = None, system: str | None = None, code: str | None = None
) -> dict[str, Any] | None:
    """Where a range begins: 3.5 of `3.5-5.0`, 10 of `>=10`; nothing where the text says no such thing."""
    return _limit(_ends(text)[0], Unit(unit, system, code))


@function("upper_limit", "text unit? system? code?", "Quantity")
def upper_limit(
    _state: State, _where: str, text: str, unit: str | None = None, system: str | None = None, code: str | None = None
) -> dict[str, Any] | None:
    """Where a range ends: 5.0 of `3.5-5.0`, 5 of `<5`; nothing where the text says no such thing."""
    return _limit(_ends(text)[1], Unit(unit, system, code))


def _limit(end: Number | None, unit: Unit) -> dict[str, Any] | None:
    return None if end is None else _amount(end, unit)


@lru_cache(maxsize=4096)
def _ends(text: str) -> tuple[Number | None, Number | None]:
    """Where a range begins and ends. A laboratory writes the same few hundred ranges again and again."""
    stated = text.strip()
    one = _ONE_SIDED.fullmatch(stated)
    if one:
        value = as_number(one[2])
        return (value, None) if ">" in _SIGNS.get(one[1], one[1]) else (None, value)
    both = _BETWEEN.fullmatch(stated)
    low, high = (as_number(both[1]), as_number(both[2])) if both else (None, None)
    return (None, None) if low is None or high is None or low > high else (low, high)
