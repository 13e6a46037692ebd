from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import Code, Undecodable
from mappings.formats import decode
from mappings.formats.strict_json import canonical, read_json
from mappings.stages import Format


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{", "line 1 column 2"),
        (b'{"a": NaN}', "line 1 column 7"),
        (b'{"a": Infinity}', "line 1 column 7"),
        (b'{"a": 1}\n{"b": 2}', "line 2 column 1"),
        (b'{"a": "\xff"}', "line 1 column 1"),
        (b'{"a": "\\ud800"}', "line 1 column 8"),
        (b'{"a": "b\\u0000"}', ""),
        (b'{"\\\\\\u0000": 1}', ""),
        (b'{"a": 1, "a": 1}', ""),
        (b'{"x": {"a" : 1, "\\u0061": 2}}', ""),
        (b'{"a": 123456789012345678901}', ""),
        (b'{"a": 1e999}', "line 1 column 7"),
        (b'{"a": 1e120}', ""),
        (b'{"a":' * 300 + b"1" + b"}" * 300, ""),
        (b"[" * 100_000, "line 1 column 1"),
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(body: bytes, path: str) -> None:
    with pytest.raises(Undecodable) as refused:
        read_json(body)
    assert refused.value.code is Code.MALFORMED_JSON
    assert refused.value.issues[0].path == path or len(body) > 10_000


@pytest.mark.parametrize("body", [b"", b"  \n", b"\xef\xbb\xbf"])
def test_an_empty_body_is_called_empty(body: bytes) -> None:
    with pytest.raises(Undecodable) as refused:
        read_json(body)
    assert refused.value.code is Code.EMPTY


def test_fractions_keep_the_digits_they_were_sent_with() -> None:
    body = b'{"items":[1.50,2.0,-0.10],"n":7,"value":72.00}'
    assert read_json(body)["value"] == Decimal("72.00")
    assert canonical(read_json(body)) == body


def test_text_that_looks_like_members_or_numbers_is_left_alone() -> None:
    body = b'{"a":"x\\":1.5, [2.5","b":"10:30.5"}'
    assert read_json(b"\xef\xbb\xbf" + body) == {"a": 'x":1.5, [2.5', "b": "10:30.5"}


def test_a_backslash_before_what_would_be_a_zero_character_is_text() -> None:
    assert read_json(b'{"a": "\\\\u0000"}') == {"a": "\\u0000"}


texts = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_canonical_json_reads_back_as_the_same_value(value: object) -> None:
    assert read_json(canonical(value)) == value


def test_a_row_may_name_its_table_beside_it() -> None:
    decoded = decode(b'{"table": "MHS101Referral", "row": {"ServiceRequestId": "7"}}', Format.JSON)
    assert decoded.tree == {"table": "MHS101Referral", "ServiceRequestId": "7"}
    assert (decoded.format, decoded.kind, decoded.message_id) == (Format.JSON, "row", None)
    flat = decode(b'{"ServiceRequestId": "7", "table": "MHS101Referral"}', Format.JSON)
    assert flat.comparable == decoded.comparable


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"5", b"null", b'{"table": "A", "row": {"table": "B"}}'])
def test_what_is_no_row_is_refused(body: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(body, Format.JSON)
