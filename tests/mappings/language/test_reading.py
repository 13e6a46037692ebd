"""Small readers that generated code calls."""

from __future__ import annotations

from mappings.language.runtime.reading import address_of, text_of_json


def test_an_address_is_without_blanks_and_still_leads_there() -> None:
    assert address_of("file://pacs/scans/chest front.pdf") == "file://pacs/scans/chest%20front.pdf"
    assert address_of("https://images\r.example/2\u00a0b") == "https://images%0D.example/2%C2%A0b"
    assert address_of(None) is None


def test_control_characters_in_a_row_are_what_they_stand_for() -> None:
    assert text_of_json("first\x0bsecond\x0cthird\x01fourth\x1f\tfifth\r\n") == "first\nsecond\nthird fourth \tfifth"
    assert text_of_json("\x0b\x00\ufeff") is None
