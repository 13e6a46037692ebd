from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.formats.hl7v2.delimiters import STANDARD, Delimiters, component, in_their_places
from mappings.formats.hl7v2.escapes import is_blank, unescape


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("plain", "plain"),
        ("\\F\\ \\S\\ \\R\\ \\E\\ \\T\\", "| ^ ~ \\ &"),
        ("Tom \\T\\ Co", "Tom & Co"),
        ("a\\.br\\b", "a\nb"),
        ("a\\.BR\\b\\.sp2\\c\\.ce\\d", "a\nb\n\nc\nd"),
        ("a\\.sk3\\b\\.in+4\\c\\.ti-2\\\\.fi\\\\.nf\\", "a   bc"),
        ("a\\X0D0A\\b", "a\r\nb"),
        ("caf\\XC3A9\\ caf\\XE9\\", "café café"),
        ("\\H\\bold\\N\\ text", "bold text"),
        ("C:\\temp\\new", "C:\\temp\\new"),
        ("A\\tmp\\T\\B", "A\\tmp&B"),
        ("lone \\ backslash", "lone \\ backslash"),
        ("\\E\\T\\", "\\T\\"),
        ("\\C2842\\ \\M1B2442\\ \\Z01\\ \\X1B\\ \\X0\\", "\\C2842\\ \\M1B2442\\ \\Z01\\ \\X1B\\ \\X0\\"),
        ("\\P\\", "\\P\\"),
        ("a\\XEFBBBF\\b", "ab"),
        ("\\", "\\"),
        ("\\\\", "\\\\"),
    ],
)
def test_escape_sequences(sent: str, read: str) -> None:
    assert unescape(sent, STANDARD) == read


def test_escapes_follow_the_declared_delimiters() -> None:
    own = Delimiters("#", ":", "~", "*", "!", "%")
    assert unescape("*F* *S* *R* *E* *T* *P* \\T\\", own) == "# : ~ * ! % \\T\\"


def test_who_declares_no_subcomponent_separator_means_the_usual_one() -> None:
    assert unescape("Tom \\T\\ Co", Delimiters("|", *in_their_places("^~\\"))) == "Tom & Co"


def test_split_first_unescape_last() -> None:
    assert unescape(component("a\\S\\b^c", 1, STANDARD), STANDARD) == "a^b"


@given(st.text(alphabet="FSTREHNPX.brsp019A^&~|\\ \n", max_size=40))
def test_any_text_is_read_without_an_error_and_never_grows_much(text: str) -> None:
    assert len(unescape(text, STANDARD)) <= 100 * (len(text) + 1)


def test_a_megabyte_of_backslashes_takes_linear_time() -> None:
    text = "\\XAG" * 250_000
    assert unescape(text, STANDARD) == text


@pytest.mark.parametrize(
    "text", ["", "^^^", " ", "&^~", "\xa0", "^\u2003&", "\\.br\\", "\\.br\\^\\H\\", "\\XEFBBBF\\", "^\\XA0\\~"]
)
def test_bare_delimiters_and_what_leaves_nothing_say_nothing(text: str) -> None:
    assert is_blank(text, STANDARD)


@pytest.mark.parametrize("text", ['""', "a", "^^a", "\\T\\", "\xa0a", "\\.br\\^\\T\\", "\\", "\\X00\\"])
def test_a_null_is_not_blank_and_what_leaves_something_is_not(text: str) -> None:
    assert not is_blank(text, STANDARD)


@given(
    st.lists(st.sampled_from(["^", "&", "~", " ", "\xa0", "\n", "\\.br\\", "\\T\\", "\\XEFBBBF\\", "x"]), max_size=6)
)
def test_a_text_is_blank_where_each_of_its_parts_is(pieces: list[str]) -> None:
    text = "".join(pieces)
    parts = text.replace("&", "^").replace("~", "^").split("^")
    assert is_blank(text, STANDARD) is not any(unescape(part, STANDARD).strip() for part in parts)
