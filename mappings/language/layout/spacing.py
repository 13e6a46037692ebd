"""Expressions in canonical spacing, and where a long one may be broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from mappings.language.lexer import ExpressionError, Token, tokens
from mappings.language.parser import parse

_WORDS: Final = ("or", "and", "not", "in")
_STEPS: Final = ("components", "member")


def spaced(text: str) -> str:
    """One blank around operators and after commas, none inside brackets: `PID-3[.4 = "NHS"][1] | f(x, y)`.

    A plain text that is no expression (`hl7v2 1.x`, `PID, PD1?`) is given back with single blanks.
    """
    try:
        parse(text)
    except ExpressionError:
        return " ".join(text.split()) if '"' not in text else text
    found = tokens(text)[:-1]
    pairs = zip(found, [None, *found], strict=False)
    return "".join(("" if before is None or _close(before, token) else " ") + token.text for token, before in pairs)


def _close(before: Token, token: Token) -> bool:
    """Whether no blank stands between the two."""
    if token.text in (",", ")", "]") and token.kind == "operator":
        return True
    if before.text in ("(", "[") and before.kind == "operator":
        return True
    if token.kind in _STEPS or token.text == "[":
        return _ends_a_path(before)
    return token.text == "(" and before.kind == "name" and before.text not in _WORDS


def _ends_a_path(token: Token) -> bool:
    if token.kind == "name":
        return token.text not in _WORDS
    return token.kind in ("field", *_STEPS) or token.text == "]"


def broken(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` characters where its blanks allow: an expression before `??`, `or`, `and`
    and behind commas, the outer ones first; any other text between words. A blank inside quotes is none."""
    try:
        cuts = list(_cuts(tokens(text)))
    except ExpressionError:
        return filled(text.split(" "), width)
    if not cuts:
        return [text]
    lines: list[str] = []
    outer = min(depth for _, depth in cuts)
    for part in filled(_parts(text, [at for at, depth in cuts if depth == outer]), width):
        start = text.index(part)
        inner = [at - start for at, _ in cuts if start < at < start + len(part)]
        lines += [part] if len(part) <= width else filled(_parts(part, inner), width)
    return lines


def _cuts(found: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """(offset, depth of brackets) of every token that may begin a line."""
    depth = 0
    for before, token in pairwise(found):
        depth += (before.text in ("(", "[")) - (before.text in (")", "]"))
        if before.text == "," or (token.text in ("or", "and", "??") and token.kind in ("name", "operator")):
            yield token.position, depth


def _parts(text: str, cuts: Sequence[int]) -> list[str]:
    return [text[start:end].strip() for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def filled(parts: Sequence[str], width: int) -> list[str]:
    """As many parts a line as fit, with a blank between them."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines
