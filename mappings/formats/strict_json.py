"""JSON as the hub reads it: what two readers could understand differently is refused.

orjson reads; the slower reader of the standard library runs only for a body that may hold a fraction, a long number or
a repeated member name. Fractions come out as Decimal with the digits they were sent with: `1.50` stays `1.50`.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from contract.errors import Code, Refusal, Undecodable, refuse
from mappings.stages import Json

_MARK: Final = b"\xef\xbb\xbf"
_EXACT_NUMBER = tuple(
    re.compile(re.escape(before) + rb"[ \t\r\n]*-?[0-9]{1,15}[.eE0-9]") for before in (b":", b",", b"[")
)
"""A fraction or more than 15 digits, behind a colon, comma or bracket (in text too, which costs only time). Three
patterns, since a pattern with a literal start is searched ten times as fast."""
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_LONGEST_NUMBER: Final = 40
_LARGEST_EXPONENT: Final = 100
_LARGEST_INTEGER: Final = 2**63


def read_json(body: bytes) -> Json:
    """The value that the bytes spell.

    Raises Undecodable `malformed-json`, naming line and column where it can: for what is not JSON (NaN, lone
    surrogates and invalid UTF-8 included), U+0000 in a text, a member name twice in one object, more than 250 levels,
    an integer beyond 64 bits, a fraction of more than 40 characters.
    """
    text = body.removeprefix(_MARK)
    if not text.strip():
        raise refuse(Undecodable, Code.EMPTY, "the body is empty")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _malformed("the body is not JSON", f"line {error.lineno} column {error.colno}") from None
    try:
        again = orjson.dumps(value)
    except TypeError:
        raise _malformed("the body is nested too deeply") from None
    if b"\\u0000" in again and _NUL.search(again):
        raise _malformed("a text holds the character U+0000, which neither FHIR nor a database takes")
    if again.count(b":") != text.count(b":") or b"\\u003" in text:
        # fewer colons came out than went in: a member may have been dropped because its name came twice
        return json.loads(text, parse_float=_fraction, parse_int=_integer, object_pairs_hook=_object)
    if any(pattern.search(text) for pattern in _EXACT_NUMBER):
        return json.loads(text, parse_float=_fraction, parse_int=_integer)
    return value


def canonical(value: Json) -> bytes:
    """The value as JSON with sorted member names and no white space, the same for equal values."""
    return orjson.dumps(value, default=_as_sent, option=orjson.OPT_SORT_KEYS)


def _as_sent(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _fraction(digits: str) -> Decimal:
    try:
        number = Decimal(digits) if len(digits) <= _LONGEST_NUMBER else None
    except InvalidOperation:  # an exponent of twenty digits
        number = None
    if number is None or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise _malformed("a number has too many digits or too large an exponent")
    return number


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER or not -_LARGEST_INTEGER <= (number := int(digits)) < _LARGEST_INTEGER:
        raise _malformed("an integer does not fit into 64 bits; send long numbers as text")
    return number


def _object(members: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(members)
    if len(found) != len(members):
        raise _malformed("an object holds the same member name twice")
    return found


def _malformed(text: str, path: str = "") -> Refusal:
    return refuse(Undecodable, Code.MALFORMED_JSON, text, path)
