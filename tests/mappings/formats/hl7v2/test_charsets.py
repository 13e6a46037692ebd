from __future__ import annotations

import pytest

from contract.errors import Code
from mappings.formats.hl7v2.decode import decode_hl7v2


def sent(charset: str, codec: str, name: str = "MÜLLER€") -> bytes:
    return f"MSH|^~\\&|A|B|C|D|2020||ADT^A01|1|P|2.4||||||{charset}\rPID|1||1||{name}\r".encode(codec)


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("", "utf-8"),
        ("UNICODE", "utf-8"),
        ("UNICODE UTF-8", "utf-8"),
        ("unicode utf-8", "utf-8"),
        ("8859/1", "cp1252"),
        ("ASCII~8859/1", "cp1252"),
        ("GB 18030-2000", "gb18030"),
        ("MADE UP", "utf-8"),
    ],
)
def test_text_in_the_declared_character_set_is_read_without_a_word(charset: str, codec: str) -> None:
    decoded = decode_hl7v2(sent(charset, codec))
    assert decoded.tree.first("PID").field(5) == "MÜLLER€"
    assert decoded.issues == ()


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("", "cp1252"), ("UNICODE UTF-8", "cp1252"), ("ASCII", "utf-8"), ("8859/1", "utf-8"), ("ASCII", "cp1252")],
)
def test_a_declaration_that_lies_is_seen_through_and_reported(charset: str, codec: str) -> None:
    decoded = decode_hl7v2(sent(charset, codec))
    assert decoded.tree.first("PID").field(5) == "MÜLLER€"
    assert [(issue.code, issue.path) for issue in decoded.issues] == [(Code.BAD_ENCODING, "MSH-18")]


def test_another_declared_character_set_is_believed_when_the_text_is_not_utf_8() -> None:
    decoded = decode_hl7v2(sent("8859/2", "iso8859-2", "DVOŘÁK"))
    assert (decoded.tree.first("PID").field(5), decoded.issues) == ("DVOŘÁK", ())


def test_plain_ascii_is_never_complained_of() -> None:
    assert decode_hl7v2(sent("8859/15", "ascii", "SMITH")).issues == ()


def test_bytes_that_windows_does_not_know_are_kept_as_latin_1() -> None:
    decoded = decode_hl7v2(sent("", "ascii", "X").replace(b"||X", b"||\x81\xe9"))
    assert decoded.tree.first("PID").field(5) == "\x81é"
    assert decoded.issues


def test_utf_16_with_a_byte_order_mark_is_read() -> None:
    assert decode_hl7v2(sent("UNICODE UTF-16", "utf-16")).tree.first("PID").field(5) == "MÜLLER€"
