"""Expression text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<field>[A-Z][A-Z0-9]{2}-[0-9]+(?![\w-]))
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?)
      | (?P<components>(?:\.[0-9]+)+)
      | (?P<member>\.[A-Za-z_]\w*)
      | (?P<name>[A-Za-z_]\w*(?:-\w+)*)
      | (?P<operator>!=|\?\?|[=|()\[\],*])""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is string, field, number, components, member, name, operator or end."""

    kind: str
    text: str
    position: int


class ExpressionError(Exception):
    """An expression cannot be read; `position` is the offset in its text."""

    def __init__(self, position: int, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.position = position
        self.text = text
        self.advice = advice


_ADVICE: Final = {
    "'": 'texts inside an expression stand in double quotes: "text"',
    "&": "write `and`",
    "!": "write `not x`, or `x != y`",
    "+": "there is no arithmetic; texts are joined with `join(separator, a, b)`",
    "<": "there is no comparing of sizes",
    ">": "there is no comparing of sizes",
    '"': "the text has no closing quote",
    "{": "write the expression without braces",
    "$": "write the path without `$`",
    "-": "the format's path is `PID-3`, with a number after the hyphen",
}


def tokens(text: str) -> list[Token]:
    """Raises ExpressionError at the first character that starts no token."""
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            character = text[position]
            raise ExpressionError(position, f"{character!r} is not part of an expression", _ADVICE.get(character, ""))
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match.group(), position))
        position = match.end()
    found.append(Token("end", "", len(text)))
    return found
