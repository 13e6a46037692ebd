"""Which pack maps a message: one answer for intake and preview."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import Forbidden, Unavailable
from contract.topics import Sector
from gateway.shelf import load_shelf, pack_for
from gateway.source import Source
from mappings import formats
from mappings.stages import Decoded, Format

ADMISSION = Path("mappings/packs/hl7v2-itk/samples/a01-admission/message.hl7").read_bytes()
SHELF = load_shelf(["hl7v2-itk", "hl7v2", "cld"])


def decoded(body: bytes) -> Decoded:
    return formats.decode(body, Format.HL7V2)


def source(*packs: str) -> Source:
    return Source("s", "RBD", Sector.ACUTE, "qvv", packs, "s")


@pytest.mark.parametrize(
    ("body", "pack"),
    [
        (ADMISSION, "hl7v2-itk"),
        (ADMISSION.replace(b"|GBR|", b"||", 1), "hl7v2"),
        (ADMISSION.replace(b"ADT^A01^ADT_A01", b"QBP^Q21^QBP_Q21").replace(b"|GBR|", b"||", 1), "hl7v2"),
    ],
)
def test_the_first_that_recognises_the_message_maps_it_else_the_last(body: bytes, pack: str) -> None:
    packs = [SHELF.packs["hl7v2-itk"], SHELF.packs["hl7v2"]]
    found = pack_for(decoded(body), packs)
    assert found is not None
    assert found.name == pack
    assert SHELF.choose(source("hl7v2-itk", "hl7v2"), decoded(body)) is found


def test_a_source_sends_only_the_formats_of_its_packs() -> None:
    with pytest.raises(Forbidden, match="cld"):
        SHELF.choose(source("cld"), decoded(ADMISSION))


def test_a_source_whose_pack_is_broken_is_asked_to_come_again(tmp_path: Path) -> None:
    (tmp_path / "wards").mkdir()
    (tmp_path / "wards" / "pack.yaml").write_text("pack: wards\n")
    shelf = load_shelf(["wards", "hl7v2"], [tmp_path])
    assert "wards" in shelf.broken
    with pytest.raises(Unavailable):
        shelf.choose(source("wards"), decoded(ADMISSION))
    assert shelf.choose(source("hl7v2"), decoded(ADMISSION)).name == "hl7v2"
