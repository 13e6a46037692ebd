from __future__ import annotations

import pytest

from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.formats.hl7v2.delimiters import STANDARD, Delimiters, component, read_delimiters, subcomponent


def test_a_message_declares_its_own_delimiters() -> None:
    message = decode_hl7v2(b"MSH#:~*!#A#B#C#D#2020##ADT:A01#5#P#2.4\rPID#1##1:::X!Y~2#\r").tree
    assert message.delimiters == Delimiters("#", ":", "~", "*", "!")
    pid = message.first("PID")
    assert pid is not None
    first, second = pid.repetitions(3)
    assert (second, subcomponent(component(first, 4, message.delimiters), 2, message.delimiters)) == ("2", "Y")


def test_a_fifth_encoding_character_is_the_truncation_mark() -> None:
    assert read_delimiters("MSH|^~\\&#|A|").truncation == "#"


@pytest.mark.parametrize(
    ("n", "found"), [(1, "a"), (2, ""), (3, "b&c"), (4, "")], ids=["first", "empty", "with subcomponents", "beyond"]
)
def test_components_are_split_and_left_raw(n: int, found: str) -> None:
    assert component("a^^b&c", n, STANDARD) == found


def test_a_plain_value_is_its_own_first_component_and_subcomponent() -> None:
    assert (component("a", 1, STANDARD), component("a", 2, STANDARD)) == ("a", "")
    assert (subcomponent("b&c", 2, STANDARD), subcomponent("b", 1, STANDARD), subcomponent("b", 2, STANDARD)) == (
        "c",
        "b",
        "",
    )
