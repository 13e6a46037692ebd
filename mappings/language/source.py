"""What a pack may read: the fields of HL7 v2 segments and data types, or the columns and members of rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from mappings.formats.hl7v2 import dictionary
from mappings.language.problems import Place, Problems

GREW_FROM_SIMPLE: Final = frozenset(
    ["CWE", "CNE", "CE", "CF", "HD", "EI", "FN", "SAD", "TS", "DLD", "MSG", "PT", "VID", "CQ", "XTN", "MO", "TQ", "OG"]
)
"""Composites whose first component is what an older version sent as the whole field."""

FAMILIES: Final = {
    "CE": "CWE",
    "CNE": "CWE",
    "CF": "CWE",
    "CN": "XCN",
    "PN": "XPN",
    "TN": "XTN",
    "AD": "XAD",
    "CK": "CX",
}
"""Older or narrower data types that share a newer type's first components, and so its templates."""

HL7_COLUMNS: Final = ("segment", "field", "name", "type", "repeats")
ROW_COLUMNS: Final = ("message", "name", "type", "repeats")
"""Of `fields.csv`, for hl7v2 and for csv and json."""

ROW_TYPES: Final = frozenset(["text", "date", "time", "datetime", "number", "boolean", "list", "object"])


@dataclass(frozen=True, slots=True)
class SourceField:
    """A field, column or member. `name` is what people call it: `Date/Time of Birth`, `Event Start Date`."""

    name: str
    type: str
    repeats: bool


@dataclass(frozen=True, slots=True)
class Hl7Fields:
    """The standard's tables with a pack's own fields laid over them."""

    own: Mapping[tuple[str, int], SourceField]

    def segments(self) -> frozenset[str]:
        return dictionary.segments() | {segment for segment, _ in self.own}

    def field(self, segment: str, number: int) -> SourceField | None:
        own = self.own.get((segment, number))
        if own is not None:
            return own
        found = dictionary.fields().get((segment, number))
        return SourceField(found.name, found.type, found.repeats) if found else None

    def last_field(self, segment: str) -> int:
        own = max((n for s, n in self.own if s == segment), default=0)
        return max(own, _last_fields().get(segment, 0))

    @staticmethod
    def is_type(name: str) -> bool:
        return (name, 1) in dictionary.components()

    @staticmethod
    def component(data_type: str, number: int) -> SourceField | None:
        found = dictionary.components().get((data_type, number))
        return SourceField(found.name, found.type, repeats=False) if found else None


@cache
def _last_fields() -> dict[str, int]:
    """Of each segment of the standard, the number of its last field."""
    found: dict[str, int] = {}
    for segment, number in dictionary.fields():
        found[segment] = max(number, found.get(segment, 0))
    return found


@dataclass(frozen=True, slots=True)
class RowFields:
    """Columns or members by the word that expressions use, per message; `""` holds in every message."""

    by_message: Mapping[str, Mapping[str, SourceField]]

    def of(self, message: str) -> dict[str, SourceField]:
        return {**self.by_message.get("", {}), **self.by_message.get(message, {})}

    def everywhere(self) -> dict[str, SourceField]:
        return {word: found for fields in self.by_message.values() for word, found in fields.items()}


def word_of(name: str) -> str:
    """A column's name as expressions write it: each run of other characters is one underscore."""
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")


def read_hl7_fields(files: Iterable[tuple[str, str]], problems: Problems) -> Hl7Fields:
    """From the `fields.csv` of each layer, as (file, text)."""
    own: dict[tuple[str, int], SourceField] = {}
    for file, text in files:
        for place, row in _rows(file, text, HL7_COLUMNS, problems):
            if not row["field"].isdigit():
                problems.add(place, "`field` is the number of the field", "ZDR,3,Frailty,NM,no")
                continue
            own[row["segment"], int(row["field"])] = SourceField(row["name"], row["type"], row["repeats"] == "yes")
    return Hl7Fields(own)


def read_row_fields(files: Iterable[tuple[str, str]], problems: Problems, *, nested: bool) -> RowFields:
    """With `nested`, dots in a name lead inside JSON objects; a CSV column may hold a dot itself."""
    found: dict[str, dict[str, SourceField]] = {}
    for file, text in files:
        for place, row in _rows(file, text, ROW_COLUMNS, problems):
            kind = row["type"] or "text"
            if kind not in ROW_TYPES:
                problems.add(place, f"there is no type `{kind}`", f"one of {' '.join(sorted(ROW_TYPES))}")
            declared = SourceField(row["name"], kind, row["repeats"] == "yes" or kind == "list")
            parts = row["name"].split(".") if nested else [row["name"]]
            words = ".".join(word_of(part) for part in parts)
            found.setdefault(row["message"], {})[words] = declared
    return RowFields(found)


def _rows(file: str, text: str, columns: tuple[str, ...], problems: Problems) -> Iterable[tuple[Place, dict[str, str]]]:
    lines = text.splitlines()
    reader = csv.DictReader(line for line in lines if not line.startswith("#"))
    missing = [c for c in columns if c not in (reader.fieldnames or ())]
    if missing:
        problems.add(
            Place(file, 1, 1, lines[0] if lines else ""),
            f"columns are missing: {', '.join(missing)}",
            f"the first line is {','.join(columns)}",
        )
        return
    skipped = sum(line.startswith("#") for line in lines)
    for row in reader:
        number = reader.line_num + skipped
        place = Place(file, number, 1, lines[number - 1] if number <= len(lines) else "")
        yield place, {c: (row.get(c) or "").strip() for c in columns}
