"""Small readers that generated code calls."""

from __future__ import annotations

from mappings.language.runtime.reading import address_of


def test_an_address_is_without_blanks_and_still_leads_there() -> None:
    assert address_of("file://pacs/scans/chest front.pdf") == "file://pacs/scans/chest%20front.pdf"
    assert address_of("https://images\r.example/2\u00a0b") == "https://images%0D.example/2%C2%A0b"
    assert address_of(None) is None
