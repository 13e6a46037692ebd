"""The conditions of a guide's rows, `IF OBX-2 EQUALS "NM"`: read as loosely as they are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mappings.language.coverage.guide import Source

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<ref>[A-Z][A-Z0-9]{1,2}[-.]\d+(?:\.\d+)*)|(?P<word>[A-Za-z][\w.]*)"""
    r"""|(?P<number>\d+)|(?P<sign>[()=,>]))"""
)


class Unclear(ValueError):
    """The condition cannot be read."""


@dataclass(slots=True)
class _Reader:
    """Walks the tokens of one condition. `own` is the row's source, of which a condition without one speaks."""

    tokens: list[tuple[str, str]]
    own: Source
    values: Callable[[Source], Sequence[str]]
    at: int = 0

    def peek(self, *words: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at][1].upper() in words

    def take(self, *words: str) -> bool:
        if self.peek(*words):
            self.at += 1
            return True
        return False

    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        if self.at >= len(self.tokens):
            raise Unclear
        self.at += 1
        return self.tokens[self.at - 1][1]

    def any(self) -> bool:
        found = self.every()
        while self.take("OR"):
            found = self.every() or found
        return found

    def every(self) -> bool:
        found = self.one()
        while self.take("AND"):
            found = self.one() and found
        return found

    def one(self) -> bool:
        self.take("IF")
        if self.take("("):
            found = self.any()
            if not self.take(")"):
                raise Unclear
            return found
        if self.kind() == "ref":
            self.own = _source(self.next())
        if self.peek("AND", "OR"):  # `PL.1 AND PL.2 VALUED`: each of them
            return self._with_the_next()
        return self.test(self.own)

    def _with_the_next(self) -> bool:
        first = self.own
        word = self.next().upper()
        start = self.at
        second = self.one()
        end, self.at = self.at, start
        while self.kind() == "ref" or self.peek("AND", "OR"):
            self.at += 1
        mine = self.test(first)
        self.at = end
        return (mine and second) if word == "AND" else (mine or second)

    def test(self, source: Source) -> bool:
        while self.take("IS", "ARE", "DOES", "LST.COUNT"):
            if self.tokens[self.at - 1][1].upper() == "LST.COUNT":
                return self.count(len(self.values(source)))
        negated = self.take("NOT")
        return self.positive(source) != negated

    def positive(self, source: Source) -> bool:
        values = self.values(source)
        if self.take("VALUED", "VALUE", "EXIST", "EXISTS"):
            return any(values)
        if self.take("EMPTY"):
            return not any(values)
        if self.take("LENGTH"):
            return self.count(max(map(len, values), default=0))
        if self.take("COUNT"):
            return self.count(len(values))
        if self.take("IN"):
            listed = self.listed()
            return any(_is(value, text) for value in values[:1] for text in listed)
        while self.take("EQUALS", "EQUAL", "TO", "=", "IS"):
            pass
        negated = self.take("NOT")
        if self.kind() != "text":
            raise Unclear
        text = self.next()[1:-1]
        return any(_is(value, text) for value in values[:1]) != negated

    def listed(self) -> list[str]:
        found: list[str] = []
        if not self.take("("):
            raise Unclear
        while not self.take(")"):
            found.append(self.next().strip("\"'"))
            self.take(",")
        return found

    def count(self, number: int) -> bool:
        greater = False
        while self.kind() != "number":
            greater = greater or self.peek("GREATER", ">")
            self.next()
        wanted = int(self.next())
        return number > wanted if greater else number == wanted


def holds(condition: str, own: Source, values: Callable[[Source], Sequence[str]]) -> bool:
    """Whether it holds. `values` gives the texts that stand at a source, one of each repetition, their components
    parted by `^`.

    Raises Unclear for a condition that cannot be read.
    """
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(condition.rstrip()):
        found = _TOKEN.match(condition, at)
        if found is None:
            raise Unclear
        tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
        at = found.end()
    reader = _Reader(tokens, own, values)
    result = reader.any()
    if reader.at < len(tokens):
        raise Unclear
    return result


def is_clear(condition: str, own: Source) -> bool:
    """Whether it can be read."""
    try:
        return not condition or holds(condition, own, lambda _: ()) in (True, False)
    except Unclear:
        return False


def _is(value: str, text: str) -> bool:
    """Whether a field, or the first component of one, is this text."""
    return text in (value, value.partition("^")[0])


def _source(text: str) -> Source:
    name, numbers = re.split(r"[-.]", text, maxsplit=1)
    return Source(name, tuple(map(int, numbers.split("."))))
