"""A pack that was begun compiles, has nothing to complain of, and its sample passes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from mappings.language import Cache, lint_packs
from mappings.language.begin.codes import begin_codes
from mappings.language.begin.packs import CannotBegin, Wish, begin_pack
from mappings.language.codes import Unknown
from mappings.language.folder import pack_folders
from mappings.language.layout.files import laid_out_files
from mappings.language.samples import run_samples
from mappings.stages import Format
from tests.mappings.language.folders import HL7, write_pack
from tests.packs import COMPILED

ROWS = "Client No,Appointment ID,Date of Birth,1st visit,or,Start\nSecret-1,Secret-2,1970-01-31,,Secret-3,2026-01-05\n"
MEMBERS = '{"person": {"id": "Secret-1", "name": "Secret-2"}, "items": [{"value": 7771}], "ok": true}'
BASES = ["bars", "cld", "hl7v2", "hl7v2-itk", "mhsds"]


def begun(folder: Path, form: str | None = None, extends: str | None = None, file: Path | None = None) -> list[str]:
    return begin_pack(Wish("mine", Format(form) if form else None, extends, file), folder, [folder], Cache(COMPILED))


def is_sound(folder: Path) -> bool:
    problems = [p for p in lint_packs([folder], ["mine"]) if "mine/" in str(p)]
    results = run_samples("mine", [folder], Cache(COMPILED))
    untidy = [f for f in laid_out_files(folder / "mine") if f.changed or f.refused]
    return (problems, untidy) == ([], []) and [r.ok for r in results] == [True]


@pytest.mark.parametrize("form", ["hl7v2", "csv", "json", "fhir"])
def test_of_its_own(tmp_path: Path, form: str) -> None:
    files = begun(tmp_path, form)

    assert is_sound(tmp_path)
    assert {path.relative_to(tmp_path / "mine").as_posix() for path in tmp_path.rglob("mine/**/*.*")} == set(files)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    golden = json.loads(next(tmp_path.rglob("expected.json")).read_text())
    assert len(golden["events"]) == 1


@pytest.mark.parametrize("base", BASES)
def test_on_another_pack_with_a_sample_of_it(tmp_path: Path, base: str) -> None:
    begun(tmp_path, extends=base)

    assert is_sound(tmp_path)
    assert "refused" not in json.loads(next(tmp_path.rglob("expected.json")).read_text())
    assert yaml.safe_load((tmp_path / "mine" / "pack.yaml").read_text())["extends"] == f"{base} 1.x"


def test_every_built_in_pack_can_be_extended() -> None:
    assert set(BASES) <= set(pack_folders([]))


@pytest.mark.parametrize(("form", "text"), [("csv", ROWS), ("json", MEMBERS)])
def test_from_rows_no_value_of_which_is_kept(tmp_path: Path, form: str, text: str) -> None:
    file = tmp_path / f"rows.{form}"
    file.write_text(text)
    packs = tmp_path / "packs"

    begun(packs, form, file=file)

    assert is_sound(packs)
    written = "".join(path.read_text() for path in packs.rglob("*.*") if path.is_file())
    assert not [value for value in ("Secret", "7771", "1970-01-31") if value in written]


def test_the_columns_are_declared_and_listed_and_the_guesses_are_said_to_be_guesses(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(ROWS)
    begun(tmp_path, "csv", file=file)

    fields = (tmp_path / "mine" / "fields.csv").read_text().splitlines()
    template = (tmp_path / "mine" / "templates" / "Patient.yaml").read_text()
    assert fields[1:4] == [",Client No,text,", ",Appointment ID,text,", ",Date of Birth,date,"]
    assert "#   Date_of_Birth: date\n" in template
    assert re.search(r"id: identity\(Appointment_ID\) +# guessed", template)
    assert "happened: Start " in (tmp_path / "mine" / "messages" / "row.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "form", "extends", "said"),
    [
        ("Mine", "csv", None, "no name of a pack"),
        ("../x", "csv", None, "no name of a pack"),
        ("cld", "csv", None, "already"),
        ("taken", "csv", None, "nothing is overwritten"),
        ("mine", None, None, "--format hl7v2|fhir|csv|json"),
        ("mine", None, "hl7v3", "did you mean `hl7v2`"),
        ("mine", "csv", "hl7v2", "leave --format out"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_written(
    tmp_path: Path, name: str, form: str | None, extends: str | None, said: str
) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(CannotBegin, match=said.replace("|", "\\|")):
        begin_pack(Wish(name, Format(form) if form else None, extends, None), tmp_path, [tmp_path])

    assert [path.name for path in tmp_path.rglob("*")] == ["taken"]


@pytest.mark.parametrize("text", ["", "1,2\n", "or,and\n"])
def test_rows_that_tell_nothing_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.csv").write_text(text)

    with pytest.raises(CannotBegin, match="cannot be used"):
        begun(tmp_path / "packs", "csv", file=tmp_path / "rows.csv")

    assert list((tmp_path / "packs").iterdir()) == []


def test_a_code_list_is_begun_with_its_policy(tmp_path: Path) -> None:
    write_pack(tmp_path, HL7)

    file = begin_codes("mine", "ward", Unknown.OMIT, [tmp_path])

    assert file == tmp_path / "mine" / "codes" / "ward.csv"
    assert file.read_text().splitlines()[0] == "# unknown: omit"
    assert [p.text for p in lint_packs([tmp_path], ["mine"]) if "mine/" in str(p)] == [
        "no template uses the code list ward"
    ]


def test_a_list_laid_over_another_leaves_the_policy_to_it(tmp_path: Path) -> None:
    begun(tmp_path, extends="hl7v2")

    file = begin_codes("mine", "administrative-gender", Unknown.KEEP, [tmp_path])

    assert file.read_text().startswith("code,display,")


@pytest.mark.parametrize(
    ("pack", "name", "said"),
    [
        ("mien", "ward", "did you mean `mine`"),
        ("mine", "ward/x", "no name of a code list"),
        ("mine", "there", "nothing is overwritten"),
        ("cld", "ward", "--extends cld"),
    ],
)
def test_a_list_that_cannot_be_begun(tmp_path: Path, pack: str, name: str, said: str) -> None:
    write_pack(tmp_path, HL7 | {"codes/there.csv": "code\n"})

    with pytest.raises(CannotBegin, match=said):
        begin_codes(pack, name, Unknown.KEEP, [tmp_path])

    assert (tmp_path / "mine" / "codes" / "there.csv").read_text() == "code\n"
