"""Which pack maps a message, and what a gateway does about packs that break."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from contract.errors import Forbidden, Unavailable
from contract.topics import Sector
from gateway.source import Source
from gateway.stock import Stock, pack_for, stock_up
from gateway.store.localities import Registered
from mappings import formats
from mappings.language import Locality
from mappings.stages import Decoded, Format
from tests.mappings.language.folders import HL7, write_pack

pytestmark = pytest.mark.slow

ADMISSION = Path("mappings/packs/hl7v2-itk/samples/a01-admission/message.hl7").read_bytes()
CHANGE = "segments/PID/Patient:\n  - add: active\n    with: true\n"


def decoded(body: bytes = ADMISSION) -> Decoded:
    return formats.decode(body, Format.HL7V2)


def source(*packs: str, id_: str = "s") -> Source:
    return Source(id_, "RBD", Sector.ACUTE, "qvv", packs, id_)


def registered(*packs: str, id_: str = "s", place: str = "qvv", **pins: str) -> dict[str, Registered]:
    return {id_: Registered(id_, packs, Locality((place,), id_, pins))}


def stock(register: dict[str, Registered], *search: Path, before: Stock | None = None, reread: bool = True) -> Stock:
    return stock_up(register, search, None, before or Stock(), reread=reread)


def overlay(folder: Path, changes: str = CHANGE, name: str = "dorset", version: str = "1") -> Path:
    manifest = f'overlay: mine 1.x\nplace: qvv\nversion: "{version}"\nlanguage: 1\n'
    return write_pack(folder, {"pack.yaml": manifest, "changes.yaml": changes}, name)


def version(found: Stock, id_: str = "s") -> str | None:
    pack = found.sources[id_].shelved[0].pack
    return pack.version if pack else None


@pytest.mark.parametrize(
    ("body", "pack"),
    [
        (ADMISSION, "hl7v2-itk"),
        (ADMISSION.replace(b"|GBR|", b"||", 1), "hl7v2"),
        (ADMISSION.replace(b"ADT^A01^ADT_A01", b"QBP^Q21^QBP_Q21").replace(b"|GBR|", b"||", 1), "hl7v2"),
    ],
)
def test_the_first_that_recognises_the_message_maps_it_else_the_last(body: bytes, pack: str) -> None:
    shelved = stock(registered("hl7v2-itk", "hl7v2"))
    found = shelved.choose(source("hl7v2-itk", "hl7v2"), decoded(body))
    assert found.name == pack
    assert pack_for(decoded(body), shelved.packs_of(source())) is found


def test_a_source_sends_only_the_formats_of_its_packs() -> None:
    with pytest.raises(Forbidden, match="cld"):
        stock(registered("cld")).choose(source("cld"), decoded())


def test_a_source_whose_pack_is_broken_is_asked_to_come_again_and_others_are_served(tmp_path: Path) -> None:
    write_pack(tmp_path, {"pack.yaml": "pack: wards\n"}, "wards")
    shelved = stock(registered("wards") | registered("hl7v2", id_="t"), tmp_path)
    with pytest.raises(Unavailable) as refused:
        shelved.choose(source("wards"), decoded())
    assert "wards" not in str(refused.value)
    assert shelved.choose(source("hl7v2", id_="t"), decoded()).name == "hl7v2"
    assert ("source", "s") in [(kind, name) for kind, name, _ in shelved.faults()]


def test_sources_of_one_place_share_what_is_compiled(tmp_path: Path) -> None:
    write_pack(tmp_path, HL7)
    overlay(tmp_path)
    shelved = stock(registered("mine") | registered("mine", id_="t") | registered("mine", id_="u", place="x"), tmp_path)
    assert version(shelved) == "1.0.0 + qvv 1"
    assert shelved.sources["s"].shelved[0].pack is shelved.sources["t"].shelved[0].pack
    assert version(shelved, "u") == "1.0.0"
    assert shelved.sources["u"].shelved[0].pack is shelved.packs["mine"].pack


def test_a_reload_takes_what_changed_and_leaves_what_did_not(tmp_path: Path) -> None:
    write_pack(tmp_path, HL7)
    overlay(tmp_path)
    register = registered("mine") | registered("mine", id_="u", place="x")
    first = stock(register, tmp_path)
    overlay(tmp_path, version="2")
    assert version(stock(register, tmp_path, before=first, reread=False)) == "1.0.0 + qvv 1"
    second = stock(register, tmp_path, before=first)
    assert version(second) == "1.0.0 + qvv 2"
    assert second.sources["u"].shelved[0].pack is first.sources["u"].shelved[0].pack


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("changes.yaml", CHANGE.replace("active", "activ"), "dorset/changes.yaml:2:10  Patient has no element `activ`"),
        ("pack.yaml", "overlay: mine 1.x\nplace: qvv\n", "dorset/pack.yaml:1:1  pack.yaml says no `version`"),
        ("pack.yaml", "overlay: [\n", "dorset/pack.yaml cannot be read"),
        ("changes.yaml", "\x00", "dorset/changes.yaml"),
        ("changes.yaml", "a:\n\xe9", "dorset/changes.yaml:2: the file is not UTF-8"),
        ("restriction.yaml", "rules: []\n", "dorset/restriction.yaml:1:8  expected a list"),
    ],
)
def test_a_mapping_that_breaks_stays_in_service_as_it_was(tmp_path: Path, file: str, text: str, said: str) -> None:
    write_pack(tmp_path, HL7)
    overlay(tmp_path)
    first = stock(registered("mine"), tmp_path)
    (tmp_path / "dorset" / file).write_text(text, encoding="latin-1")
    second = stock(registered("mine"), tmp_path, before=first)
    assert second.sources["s"].shelved[0].pack is first.sources["s"].shelved[0].pack
    [(kind, name, shelved)] = second.faults()
    assert (kind, name) == ("source", "s")
    assert said in shelved.brief
    third = stock(registered("mine"), tmp_path, before=second, reread=False)
    assert [*third.faults()] == [*second.faults()], "until it is mended"
    shutil.rmtree(tmp_path / "dorset")
    overlay(tmp_path, version="3")
    assert version(stock(registered("mine"), tmp_path, before=third)) == "1.0.0 + qvv 3"


def test_after_a_start_nothing_is_left_of_what_ran_before_it_broke(tmp_path: Path) -> None:
    write_pack(tmp_path, HL7)
    overlay(tmp_path, CHANGE.replace("active", "activ"))
    assert version(stock(registered("mine"), tmp_path)) is None


def test_an_overlay_that_is_nobodys_is_told(tmp_path: Path) -> None:
    write_pack(tmp_path, HL7)
    write_pack(tmp_path, {"pack.yaml": "overlay: [\n"}, "dorset")
    shelved = stock(registered("mine"), tmp_path)
    assert version(shelved) == "1.0.0"
    assert "dorset/pack.yaml" in shelved.unread[0]


def test_a_source_that_is_registered_otherwise_does_not_run_what_it_ran_before(tmp_path: Path) -> None:
    write_pack(tmp_path, HL7)
    first = stock(registered("mine"), tmp_path)
    assert version(stock(registered("mine", mine="9.9.9"), tmp_path, before=first, reread=False)) is None


def test_of_disabled_sources_nothing_is_told() -> None:
    gone = {"s": Registered("s", ("wards",), Locality(), disabled=True)}
    assert [*stock(gone).faults()] == []
