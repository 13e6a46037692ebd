"""What a document is, told by how it begins."""

from __future__ import annotations

import base64

import pytest

from mappings.language.functions import texts
from mappings.language.runtime.state import State
from tests.mappings.language.folders import CONTEXT


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF89a\x01", "image/gif"),
        (b"II*\x00\x08\x00", "image/tiff"),
        (b"MM\x00*\x00\x00", "image/tiff"),
        (b"{\\rtf1\\ansi", "application/rtf"),
        (b"<?xml version='1.0'?>", "application/xml"),
    ],
)
def test_base64_of_a_known_kind_shows_it(content: bytes, kind: str) -> None:
    state = State(CONTEXT, "T02")
    assert texts.media_type(state, "OBX-5", base64.b64encode(content).decode()) == kind
    assert texts.media_type(state, "OBX-5", "\n " + base64.b64encode(content).decode()) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("255044462D312E34", "application/pdf"),
        ("{\\rtf1\\ansi Dear", "application/rtf"),
        ("Dear Dr Gale,", None),
        ("UEsDBBQ", None),
        ("", None),
    ],
)
def test_hexadecimal_and_plain_text_are_known_too_and_nothing_is_guessed(text: str, kind: str | None) -> None:
    assert texts.media_type(State(CONTEXT, "T02"), "OBX-5", text) == kind
