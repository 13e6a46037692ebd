"""The files of a pack for rows: every column declared and listed, so that the author only has to fill in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

import orjson

from mappings.language.begin.columns import Column
from mappings.language.source import ROW_COLUMNS
from mappings.stages import Format

_NAME: Final = re.compile(r"(?!(?:or|and|not|in|true|false|trigger|event|organisation|source|parent)\b)[A-Za-z_][\w.]*")
_PERSON: Final = re.compile(r"(?i)(person|patient|client|service.?user).*(id|number|identifier)$")
_IDENTIFIER: Final = re.compile(r"(?i).*(id|number|identifier|reference)$")
_BIRTH: Final = re.compile(r"(?i)birth|\bdob\b")
_MADE_UP: Final = {"date": "2026-01-05", "datetime": "2026-01-05T09:30:00", "time": "09:30", "number": "1"}


def row_files(pack: str, form: Format, columns: Sequence[Column]) -> dict[str, str]:
    """Relative name → text. Raises ValueError when no column has a name that an expression can write."""
    words = {c.word(form): c for c in columns if c.type not in ("list", "object") and _NAME.fullmatch(c.word(form))}
    person = next(
        (word for pattern in (_PERSON, _IDENTIFIER, _NAME) for word in words if pattern.fullmatch(word)), None
    )
    if person is None:
        raise ValueError("no column has a name that begins with a letter")
    happened = next((word for word, column in words.items() if _tells_when(column)), None)
    value = _MADE_UP.get(words[person].type, "example")
    return {
        "pack.yaml": _pack(pack, form, person),
        "messages/row.yaml": _message(happened),
        "templates/Patient.yaml": _template(form, columns, person),
        "fields.csv": _fields(columns),
        f"samples/a-row/message{'.csv' if form is Format.CSV else '.json'}": _sample(form, columns),
        "samples/a-row/asserts.yaml": f'event.type: "record-received-1"\nPatient.identifier[0].value: "{value}"\n',
    }


def _tells_when(column: Column) -> bool:
    return column.type in ("date", "datetime") and not _BIRTH.search(column.name)


def _pack(pack: str, form: Format, person: str) -> str:
    return f"""\
# yaml-language-server: $schema=../.schema/pack.json
pack: {pack}
version: "0.1.0"
language: 1
format: {form}
recognise: present({person})   # what tells these rows from those of others
from:
  - "Name here the specification that this mapping follows, with its date"
"""


def _message(happened: str | None) -> str:
    when = f"happened: {happened}   # guessed: is it when the event happened?\n" if happened else ""
    return f"""\
# yaml-language-server: $schema=../../.schema/message.json
message: row                   # every row; for several kinds of rows write `kind:` in pack.yaml
event: "record-received-1"     # noun-pastverb-number, as appointment-booked-1
{when}person: patient
resources:
  patient: Patient()
"""


def _template(form: Format, columns: Sequence[Column], person: str) -> str:
    listed = "".join(f"#   {column.word(form)}: {column.type}\n" for column in columns)
    return f"""\
# yaml-language-server: $schema=../../.schema/Patient.json
# The columns as expressions write them. Move each to the element that it fills, here or in another
# template; `carehub preview` lists those that are not mapped yet.
#
{listed}resourceType: Patient
id: identity({person})         # guessed: is it what the sender knows the person by?
identifier:
  - system: local_system()
    value: {person}
"""


def _fields(columns: Sequence[Column]) -> str:
    return _csv([ROW_COLUMNS, *(("", c.name, c.type, "yes" if c.type == "list" else "") for c in columns)])


def _sample(form: Format, columns: Sequence[Column]) -> str:
    """One made-up row."""
    if form is Format.CSV:
        return _csv([[c.name for c in columns], [_value(c) for c in columns]])
    row: dict[str, object] = {}
    lists = [c.name for c in columns if c.type == "list"]
    for column in columns:
        if any(column.name.startswith(f"{name}.") for name in lists):
            continue
        *owners, last = column.name.split(".")
        place = row
        for owner in owners:
            inner = place.setdefault(owner, {})
            place = inner if isinstance(inner, dict) else {}
        place.setdefault(
            last, {"list": [], "object": {}, "boolean": True, "number": 1}.get(column.type, _value(column))
        )
    return orjson.dumps(row, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _value(column: Column) -> str:
    return "true" if column.type == "boolean" else _MADE_UP.get(column.type, "example")


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
