"""The columns of a CSV file or members of JSON objects, with types guessed from the first rows.

Only names and types leave this module: what the rows hold may be about real people. A code is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from mappings import formats
from mappings.formats.csv import columns_of
from mappings.language.source import word_of
from mappings.stages import Format

_ROWS: Final = 200
"""Rows that are looked at."""

_TYPES: Final = {
    "date": r"\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{4}",
    "datetime": r"(\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{4})[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?",
    "time": r"\d\d:\d\d(:\d\d)?",
    "boolean": r"true|false",
    "number": r"-?(0|[1-9]\d{0,8})(\.\d+)?",
}
"""A longer number, or one that begins with 0, is an identifier or a telephone number: text."""


@dataclass(frozen=True, slots=True)
class Column:
    """`name` as the source writes it, `type` as fields.csv has it."""

    name: str
    type: str

    def word(self, form: Format) -> str:
        """How expressions write it."""
        parts = self.name.split(".") if form is Format.JSON else [self.name]
        return ".".join(map(word_of, parts))


EXAMPLE: Final = (
    Column("Record ID", "text"),
    Column("Person ID", "text"),
    Column("Family Name", "text"),
    Column("Given Name", "text"),
    Column("Date of Birth", "date"),
    Column("Event Date", "date"),
)
"""Where there is no file to look at."""


def columns_in(file: Path, form: Format) -> list[Column]:
    """Raises Undecodable when the file is none of that format, OSError when it cannot be read."""
    body = file.read_bytes()
    if form is Format.CSV:
        rows = [_object(part.body) for part in islice(formats.split(body, "text/csv") or (), _ROWS)]
        return [Column(name, _guessed(row.get(name) for row in rows)) for name in columns_of(body)]
    kind = "application/x-ndjson" if file.suffix == ".ndjson" else "application/json"
    parts = formats.split(body, kind)
    bodies = [body] if parts is None else [part.body for part in islice(parts, _ROWS)]
    found: dict[str, list[Any]] = {}
    for row in map(_object, bodies):
        for name, value in _members(row, ""):
            found.setdefault(name, []).append(value)
    return [Column(name, _guessed(values)) for name, values in found.items()]


def _object(body: bytes) -> dict[str, Any]:
    """A row that is none, as a broken line of a file, has no columns."""
    found = orjson.loads(body)
    return found if isinstance(found, dict) else {}


def _members(row: dict[str, Any], base: str) -> Iterator[tuple[str, Any]]:
    """Every member with those inside it, by their path; of a list also the members of its objects."""
    for name, value in row.items():
        yield f"{base}{name}", value
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from _members(inner, f"{base}{name}.")


def _guessed(values: Iterable[Any]) -> str:
    given = [value for value in values if value not in (None, "")]
    for kind, name in ((list, "list"), (dict, "object"), (bool, "boolean")):
        if any(isinstance(value, kind) for value in given):
            return name
    texts = [str(value).strip() for value in given]
    fitting = [name for name, pattern in _TYPES.items() if texts and all(re.fullmatch(pattern, text) for text in texts)]
    return fitting[0] if fitting else "text"
