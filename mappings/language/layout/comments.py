"""The comments and blank lines of a YAML file, which its nodes do not hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

_BLOCK_HEAD: Final = re.compile(r"[>|][-+0-9]*")


@dataclass(frozen=True, slots=True)
class Comment:
    """`line` counts from 0. Without text it is a blank line. `beside`: content stands before it in its line."""

    line: int
    column: int
    text: str
    beside: bool


def comments_in(text: str) -> list[Comment]:
    """In the order of the file. Raises yaml.YAMLError."""
    lines = text.split("\n")
    ends: dict[int, int] = {}
    inside: set[int] = set()
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        start, end = token.start_mark, token.end_mark
        if isinstance(token, yaml.ScalarToken):
            if token.style in (">", "|"):
                head = _BLOCK_HEAD.match(lines[start.line], start.column)
                ends[start.line] = head.end() if head else start.column
                inside |= set(range(start.line + 1, _last_line(lines, start.line, end.line) + 1))
                continue
            inside |= set(range(start.line + 1, end.line + 1))
        if end.index > start.index:
            ends[end.line] = max(end.column, ends.get(end.line, 0))
    return list(_found(lines, ends, inside))


def _last_line(lines: list[str], first: int, end: int) -> int:
    """Of a block scalar: the parser's end is behind the blank lines that follow it."""
    last = min(end, len(lines)) - 1
    while last > first and not lines[last].strip():
        last -= 1
    return last


def _found(lines: list[str], ends: dict[int, int], inside: set[int]) -> Iterator[Comment]:
    for number, line in enumerate(lines):
        start = ends.get(number, 0)
        rest = line[start:].strip()
        if rest.startswith("#"):
            if start or number not in inside:
                yield Comment(number, line.index("#", start), rest, beside=start > 0)
        elif not rest and not start and number not in inside:
            yield Comment(number, 0, "", beside=False)
