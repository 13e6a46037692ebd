"""Where two JSON values differ, path by path."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import zip_longest
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import orjson

from mappings.stages import Json


class Absence(Enum):
    """What stands on a side that has no value there: null is a value."""

    ABSENT = "absent"


ABSENT: Final = Absence.ABSENT
_Side: TypeAlias = Json | Literal[Absence.ABSENT]


class Difference(NamedTuple):
    """`before` or `after` is ABSENT where the value is on the other side alone."""

    path: str
    before: _Side
    after: _Side


def differences(before: Json, after: Json, path: str) -> Iterator[Difference]:
    """Every place where they differ, below `path`. Equal items of two lists are matched first, so that one more in the
    middle is one difference; what is only on one side has the position that it has there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(n for n in after if n not in before)]:
            inner = f"{path}.{name}" if path else name
            yield from _sides(before.get(name, ABSENT), after.get(name, ABSENT), inner)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(before, after, path)
    elif before != after or type(before) is not type(after):
        yield Difference(path, before, after)


def _sides(before: _Side, after: _Side, path: str) -> Iterator[Difference]:
    if before is ABSENT or after is ABSENT:
        yield Difference(path, before, after)
    else:
        yield from differences(before, after, path)


def _lists(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[Difference]:
    old_items, new_items = (
        [orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in items] for items in (before, after)
    )
    matched = difflib.SequenceMatcher(None, old_items, new_items, autojunk=False).get_opcodes()
    for _, start, end, begin, until in matched:
        for here, there in zip_longest(range(start, end), range(begin, until)):
            old = before[here] if here is not None else ABSENT
            new = after[there] if there is not None else ABSENT
            yield from _sides(old, new, f"{path}[{there if there is not None else here}]")
