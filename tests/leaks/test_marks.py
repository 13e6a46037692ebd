"""The search itself finds each mark in each form, and nothing where there is none."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import quote

import pytest

from contract.identifiers import is_nhs_number
from tests.leaks.marks import NHS_NUMBER, PERSON, TEXT, marks_in


@pytest.mark.parametrize("name", PERSON)
def test_a_mark_is_found_in_every_spelling_and_form(name: str) -> None:
    for spelling in PERSON[name]:
        plain = spelling.encode()
        for form in (
            plain,
            plain.upper(),
            plain.lower(),
            quote(spelling).encode(),
            plain.hex().encode(),
            *(base64.b64encode(b"x" * before + plain + b" and more") for before in range(3)),
            hashlib.sha256(plain).digest(),
            hashlib.sha256(plain).hexdigest().encode(),
        ):
            assert name in marks_in(b"before " + form + b" after"), form


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert marks_in(b"the quick brown fox jumps over 12345678901234567890 lazy dogs " * 100) == set()


def test_the_text_holds_every_kind_that_a_refusal_could_quote_and_the_number_is_one() -> None:
    assert marks_in(TEXT.encode()) == PERSON.keys() - {"e-mail"}
    assert is_nhs_number(NHS_NUMBER)
