"""Compiled packs on disk: the same program comes back, and nothing that should not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.language import Cache, PackError, build, load_pack
from tests.mappings.language.folders import CONTEXT, HL7, adt, first, write_pack

ADMISSION = adt("PID|1||7^^^RBD||A^B||19600203")


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the packs that were compiled, in order."""
    names: list[str] = []
    compile_ = build.build

    def counted(layers: list[build.Layer], problems: build.Problems) -> build.Built:
        names.append(layers[-1].root.name)
        return compile_(layers, problems)

    monkeypatch.setattr(build, "build", counted)
    return names


def pack_in(folder: Path, more: str = "") -> Path:
    return write_pack(folder, {**HL7, "segments/PID/Patient.yaml": HL7["segments/PID/Patient.yaml"] + more})


def test_what_has_not_changed_is_not_compiled_again_and_maps_the_same(tmp_path: Path, compiled: list[str]) -> None:
    search, cache = [pack_in(tmp_path / "packs", "birthDate: PID-7\n")], Cache(tmp_path / "cache")
    made = load_pack("mine", search, cache).map(ADMISSION, CONTEXT)
    again = load_pack("mine", search, cache).map(ADMISSION, CONTEXT)

    assert compiled == ["mine"]
    assert again == made
    assert first(again.events[0].bundle, "Patient")["birthDate"] == "1960-02-03"


def test_reads_are_noted_by_a_pack_from_the_cache_too(tmp_path: Path) -> None:
    search, cache = [pack_in(tmp_path / "packs")], Cache(tmp_path / "cache")
    load_pack("mine", search, cache)

    assert "PID-7" in load_pack("mine", search, cache).map(ADMISSION, CONTEXT, account=True).unmapped


def test_a_change_in_any_layer_is_seen(tmp_path: Path, compiled: list[str]) -> None:
    search, cache = [pack_in(tmp_path / "packs")], Cache(tmp_path / "cache")
    place = {"pack.yaml": 'pack: place\nversion: "1"\nlanguage: 1\nformat: hl7v2\nextends: mine 1.x\n'}
    write_pack(tmp_path / "packs", place, "place")
    load_pack("place", search, cache)
    pack_in(tmp_path / "packs", "birthDate: PID-7\n")

    patient = first(load_pack("place", search, cache).map(ADMISSION, CONTEXT).events[0].bundle, "Patient")
    assert patient["birthDate"] == "1960-02-03"
    assert compiled == ["place", "place"]


@pytest.mark.parametrize("harm", ["cut short", "open to others", "no pickle"])
def test_an_entry_that_cannot_be_trusted_is_compiled_anew(tmp_path: Path, compiled: list[str], harm: str) -> None:
    search, cache = [pack_in(tmp_path / "packs")], Cache(tmp_path / "cache")
    load_pack("mine", search, cache)
    (entry,) = (tmp_path / "cache").iterdir()
    if harm == "open to others":
        entry.chmod(0o666)
    else:
        entry.write_bytes(entry.read_bytes()[:-20] if harm == "cut short" else b"not one")

    assert load_pack("mine", search, cache).map(ADMISSION, CONTEXT).events
    assert compiled == ["mine", "mine"]


def test_the_cache_is_its_owners_alone(tmp_path: Path) -> None:
    load_pack("mine", [pack_in(tmp_path / "packs")], Cache(tmp_path / "cache"))
    (entry,) = (tmp_path / "cache").iterdir()

    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    assert entry.stat().st_mode & 0o777 == 0o600


def test_a_pack_with_mistakes_is_never_kept(tmp_path: Path, compiled: list[str]) -> None:
    search, cache = [pack_in(tmp_path / "packs", "birthdate: PID-7\n")], Cache(tmp_path / "cache")
    for _ in range(2):
        with pytest.raises(PackError, match="did you mean `birthDate`"):
            load_pack("mine", search, cache)

    assert not (tmp_path / "cache").exists()
    assert len(compiled) == 2


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    assert load_pack("mine", [pack_in(tmp_path / "packs")], Cache(tmp_path / "cache")).map(ADMISSION, CONTEXT).events
