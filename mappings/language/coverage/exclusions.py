"""Rows of a guide that a pack leaves out, each with its reason, and rows that the guide misspells: one CSV beside the
pack, `coverage-exclusions.csv` with the columns `row,reason,instead`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.errors import Misconfigured

NAME: Final = "coverage-exclusions.csv"
_COLUMNS: Final = ["row", "reason", "instead"]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """`row` is a row's id; with `*` at its end, all that begin so. `instead` is the attribute that the guide means,
    with `= "text"` what it means to assign: such a row stays in."""

    line: int
    row: str
    reason: str
    instead: str

    def matches(self, row: str) -> bool:
        return row.startswith(self.row[:-1]) if self.row.endswith("*") else row == self.row


def read_exclusions(file: Path) -> list[Exclusion]:
    """None where there is no such file. Raises Misconfigured when it is not as it should be."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as opened:
        reader = csv.DictReader(line for line in opened if not line.startswith("#"))
        if reader.fieldnames != _COLUMNS:
            raise Misconfigured(f"{file}: the first line is {','.join(_COLUMNS)}")
        found = [
            Exclusion(
                reader.line_num, (r["row"] or "").strip(), (r["reason"] or "").strip(), (r["instead"] or "").strip()
            )
            for r in reader
        ]
    for each in found:
        if not each.row or not each.reason:
            raise Misconfigured(f"{file}: line {each.line} needs a row and a reason")
    return found


def corrections(found: Iterable[Exclusion]) -> dict[str, str]:
    return {each.row: each.instead for each in found if each.instead}


def reasons(found: Iterable[Exclusion], rows: Iterable[str]) -> dict[str, str]:
    """Of each row that is left out, why."""
    left_out = [each for each in found if not each.instead]
    return {row: each.reason for row in rows for each in left_out if each.matches(row)}


def mistakes(found: Iterable[Exclusion], covered: Mapping[str, bool]) -> Iterator[str]:
    """`covered` has every row of the guide that is known, and whether a sample covers it."""
    for each in found:
        matching = [row for row in covered if each.matches(row)]
        if not matching:
            yield f"{NAME}: no row of the guide is `{each.row}` (line {each.line})"
        for row in matching:
            if covered[row] and not each.instead:
                yield f"{NAME}: `{row}` is left out, and a sample covers it: take it out (line {each.line})"
