"""Expressions: what binds how, and what an author is told."""

from __future__ import annotations

import pytest

from mappings.language.compile.shapes import shape
from mappings.language.lexer import ExpressionError
from mappings.language.parser import parse


@pytest.mark.parametrize(
    ("short", "explicit"),
    [
        ('PID-1 = "a" or PID-2 = "b" and PID-3 = "c"', 'PID-1 = "a" or (PID-2 = "b" and PID-3 = "c")'),
        ('not PID-1 = "a" and PID-2 = "b"', '(not (PID-1 = "a")) and PID-2 = "b"'),
        ("PID-7 | date ?? PID-8", "(PID-7 | date) ?? PID-8"),
        ("PID-1 ?? PID-2 | date", "PID-1 ?? (PID-2 | date)"),
        ("PID-1 ?? PID-2 ?? PID-3", "PID-1 ?? (PID-2 ?? PID-3)"),
        ('PID-1 ?? PID-2 = "x"', '(PID-1 ?? PID-2) = "x"'),
        ("PID-8 | code(gender)", "code(PID-8, gender)"),
    ],
)
def test_the_short_form_means_the_explicit_one(short: str, explicit: str) -> None:
    assert shape(parse(short)).replace("True", "False") == shape(parse(explicit)).replace("True", "False")


@pytest.mark.parametrize(
    ("text", "position", "advice"),
    [
        ("PID-3 && PID-4", 6, "write `and`"),
        ("PID-3.4 = 'NHS'", 10, 'texts inside an expression stand in double quotes: "text"'),
        ("PID-3[0]", 6, ""),
        ("final state", 6, 'a literal text stands in quotes: "text"'),
        ('PID-3[.4 = "NHS"', 16, ""),
        ('a = "x" = "y"', 8, "join them with `and`"),
    ],
)
def test_an_error_says_where_and_what_to_write(text: str, position: int, advice: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.position == position
    assert advice in caught.value.advice
