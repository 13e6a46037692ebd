"""Locals of long functions, used again once they are no longer needed. Python reaches the first 256 of a function with
one instruction, all others with two; the function of an admission has a thousand, of which thirty live at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Final

from mappings.language.problems import Place

Line = tuple[str, Place]

MANY: Final = 200
_NAME: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![\w.])[a-z]\d+\b""")
"""A text, which is left alone, or a local of the writer's."""


def shared_slots(lines: Sequence[Line]) -> Sequence[Line]:
    """The function with fewer locals; unchanged where it has not many. The first line is its head."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, (text, _) in enumerate(lines):
        for name in _NAME.findall(text):
            first.setdefault(name, number)
            last[name] = number
    names = [name for name in first if name[0] not in "'\""]
    if len(names) < MANY:
        return lines
    for start, end in _loops(lines):
        for name in names:
            if first[name] <= start < last[name] < end:  # what comes into a loop is needed in its next round too
                last[name] = end
    slots = _slots(names, first, last)
    return [(_NAME.sub(lambda found: slots.get(found[0], found[0]), text), place) for text, place in lines]


def _loops(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """First and last line of each loop, outer ones first."""
    found: list[tuple[int, int]] = []
    open_loops: list[tuple[int, int]] = []
    for number, (text, _) in enumerate(lines):
        code = text.lstrip()
        depth = len(text) - len(code)
        while open_loops and depth <= open_loops[-1][0]:
            found.append((open_loops.pop()[1], number - 1))
        if code.startswith("for "):
            open_loops.append((depth, number))
    found += [(start, len(lines) - 1) for _, start in open_loops]
    return sorted(found)


def _slots(names: list[str], first: dict[str, int], last: dict[str, int]) -> dict[str, str]:
    """A slot for each name, which nobody else has from its first line to its last. `names` in the order they appear."""
    slots: dict[str, str] = {}
    taken: list[tuple[int, int]] = []
    free: list[int] = []
    for name in names:
        while taken and taken[0][0] < first[name]:
            heappush(free, heappop(taken)[1])
        slot = heappop(free) if free else len(taken)
        slots[name] = f"x{slot}"
        heappush(taken, (last[name], slot))
    return slots
