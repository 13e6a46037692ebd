"""A person's flags, applied to the bytes of an event."""

from __future__ import annotations

import json
from collections.abc import Collection
from decimal import Decimal
from typing import Any

import orjson

from mappings.restriction import rule_routes, withhold


def withheld(body: bytes, rules: Collection[str]) -> bytes:
    """The event without what these rules withhold; the same bytes when that is nothing.

    Decimals keep their precision: 1.50 stays 1.50.
    """
    if not rules:
        return body
    bundle = json.loads(body, parse_float=Decimal)
    without = withhold(bundle, rules)
    return body if without is bundle else dump(without)


def routed(rules: Collection[str]) -> bool:
    """Whether one of the rules sends everything about the person to the restricted topic."""
    return any(rule_routes(rule) for rule in rules)


def dump(bundle: dict[str, Any]) -> bytes:
    """A bundle as bytes."""
    return orjson.dumps(bundle, default=_exact)


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value).encode())
    raise TypeError(f"a bundle cannot hold a {type(value).__name__}")
