"""What is read from a file of rows: names and types, never a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import Undecodable
from mappings.language.begin.columns import columns_in
from mappings.stages import Format


def guessed(folder: Path, text: str, name: str = "rows.csv") -> dict[str, str]:
    (folder / name).write_text(text, encoding="utf-8")
    form = Format.CSV if name.endswith(".csv") else Format.JSON
    return {column.name: column.type for column in columns_in(folder / name, form)}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2026-01-05", ""], "date"),
        (["05/01/2026"], "date"),
        (["2026-01-05T09:30:00Z", "2026-01-05 09:30"], "datetime"),
        (["09:30"], "time"),
        (["12", "-3.5"], "number"),
        (["true", "false"], "boolean"),
        (["Y", "N"], "text"),
        (["9000000009"], "text"),
        (["007"], "text"),
        (["12", "unknown"], "text"),
        (["", ""], "text"),
    ],
)
def test_a_type_is_guessed_from_the_values_and_a_code_is_never(tmp_path: Path, values: list[str], kind: str) -> None:
    assert guessed(tmp_path, "A,B\n" + "".join(f"x,{value}\n" for value in values))["B"] == kind


def test_a_header_alone_is_enough(tmp_path: Path) -> None:
    assert guessed(tmp_path, "First Name;Second Name\n") == {"First Name": "text", "Second Name": "text"}


def test_members_are_found_by_their_path_in_all_rows(tmp_path: Path) -> None:
    text = '{"a": {"b": 1}}\n{"a": {"c": "2026-01-05"}, "list": [{"d": true}]}\n'
    assert guessed(tmp_path, text, "rows.ndjson") == {
        "a": "object", "a.b": "number", "a.c": "date", "list": "list", "list.d": "boolean",
    }  # fmt: skip


@pytest.mark.parametrize(("text", "name"), [("", "rows.csv"), ("a,,b\n", "rows.csv"), ("{", "rows.json")])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, name: str) -> None:
    with pytest.raises((Undecodable, ValueError)):
        guessed(tmp_path, text, name)
