"""A guide's mapping tables: which source goes to which FHIR element, one row each.

The folder is laid out like the HL7 v2-to-FHIR guide: `segments/` and `datatypes/` with one CSV per table, named
`… PID[Patient] - ….csv`; the first line is a banner, the second the header.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from contract.errors import Misconfigured
from mappings.language.coverage.targets import Hop, hops_of

_FILE: Final = re.compile(r"R4_ (?P<source>\w+)\[(?P<kind>[^\]]+)\] - ")
_SOURCE: Final = re.compile(r"(?P<name>[A-Z][A-Z0-9]{1,2})(?:[-.](?P<parts>\d+(?:\.\d+)*))?")
_TABLE: Final = re.compile(r"(?P<source>\w+)\[(?P<kind>[^\]]+)\]")
_ASSIGNED: Final = re.compile(r'"(?P<text>[^"]*)"|(?P<plain>[\w:./-]+)')
_CODES: Final = ("ID", "IS")
"""Data types of a code, for which a row may assign the FHIR code itself."""
_COLUMNS: Final = ("Identifier", "Computable ANTLR", "FHIR Attribute", "Data Type Mapping", "Assignment")
_IDENTIFIER: Final = 1
"""Where the identifier stands in a table whose header does not say so."""


class Source(NamedTuple):
    """`PID` and (3, 1) for PID-3.1; no numbers for the whole segment or data type."""

    name: str
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row with a FHIR attribute.

    `id` tells it from all others: `PID[Patient] PID-8 gender`. `constant` is what the guide assigns instead of the
    source's value. `uses` is the data type table that it names. `url` is that of the extension the element stands in.
    `hops` is empty for an attribute that names nothing in FHIR R4.
    """

    id: str
    table: str
    of_segment: bool
    source: Source
    attribute: str
    condition: str
    constant: str | None
    uses: str
    hops: tuple[Hop, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """`tables` are the rows by table, `PID[Patient]`; those of segments first."""

    tables: Mapping[str, tuple[Row, ...]]

    def rows(self) -> Iterator[Row]:
        for rows in self.tables.values():
            yield from rows

    def table(self, name: str) -> str:
        """The table of that name in the guide's own spelling (rows write `CWE[Code]` for `CWE[code]`), else empty."""
        return next((known for known in self.tables if known.lower() == name.lower()), "")

    def in_use(self, segments: Set[str]) -> list[str]:
        """The tables of these segments, and those that their rows name, directly or by way of others."""
        of_segments = {name for name, rows in self.tables.items() if rows and rows[0].of_segment}
        found = [name for name in self.tables if name in of_segments and name.partition("[")[0] in segments]
        for name in found:
            for row in self.tables[name]:
                used = self.table(row.uses)
                if used and used not in found:
                    found.append(used)
        return [name for name in self.tables if name in found]


def read_guide(folder: Path, corrections: Mapping[str, str]) -> Guide:
    """`corrections` replace the attribute of a row, by its id: what the guide means where it has misspelt it.

    Raises Misconfigured for a folder without such tables.
    """
    tables: dict[str, tuple[Row, ...]] = {}
    for part in ("segments", "datatypes"):
        for file in sorted((folder / part).glob("*.csv")):
            named = _FILE.search(file.name)
            if named is not None:
                table = f"{named['source']}[{named['kind']}]"
                rows = _rows(file, table, named["source"], of_segment=part == "segments")
                tables[table] = tuple(_with_urls([_corrected(row, corrections) for row in rows]))
    if not tables:
        said = f"{folder} holds no mapping tables: name the folder with segments/ and datatypes/"
        raise Misconfigured(said)
    return Guide(tables)


def _rows(file: Path, table: str, own: str, *, of_segment: bool) -> Iterator[Row]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        lines = list(csv.reader(opened))
    header = [" ".join(name.split()) for name in lines[1]] if len(lines) > 1 else []
    places = [next((i for i, n in enumerate(header) if n.startswith(column)), -1) for column in _COLUMNS]
    places[0] = max(places[0], _IDENTIFIER)
    seen: Counter[str] = Counter()
    for line in lines[2:]:
        identifier, condition, attribute, uses, assigned = (
            " ".join(line[place].split()) if 0 <= place < len(line) else "" for place in places
        )
        source = _source(identifier, own, of_segment=of_segment)
        if not attribute or source is None:
            continue
        attribute, _, beside = attribute.partition("=")
        known = _TABLE.search(uses)
        shown = f"{table} {identifier or own} {attribute}"
        seen[shown] += 1
        yield Row(
            shown if seen[shown] == 1 else f"{shown} #{seen[shown]}",
            table,
            of_segment,
            source,
            attribute,
            condition,
            _constant(assigned or beside) if known is None or known["source"] in _CODES else None,
            known[0] if known else "",
            (),
        )


def _source(identifier: str, own: str, *, of_segment: bool) -> Source | None:
    """The source of a row; in a data type's table whatever it calls the type (`CWE.1` in that of CF)."""
    if not identifier:
        return Source(own, ())
    found = _SOURCE.fullmatch(identifier)
    if found is None:
        return None
    parts = tuple(map(int, found["parts"].split("."))) if found["parts"] else ()
    return Source(found["name"] if of_segment else own, parts)


def _constant(assigned: str) -> str | None:
    """What is assigned, where that is a text and no instruction, nor made of the source's parts."""
    found = _ASSIGNED.fullmatch(assigned)
    if found is None:
        return None
    if found["plain"]:
        return None if "." in found["plain"] and _SOURCE.fullmatch(found["plain"]) else found["plain"]
    return found["text"].strip()


def _corrected(row: Row, corrections: Mapping[str, str]) -> Row:
    attribute, equals, constant = corrections.get(row.id, "").partition("=")
    row = replace(row, constant=constant.strip().strip('"')) if equals else row
    row = replace(row, attribute=attribute.strip() or row.attribute)
    kind = row.table[row.table.index("[") + 1 : -1].partition("-")[0]
    try:
        return replace(row, hops=hops_of(kind, row.attribute))
    except ValueError:
        return row


def _with_urls(rows: Sequence[Row]) -> Iterator[Row]:
    """Each row that puts something into an extension, with the URL that the same source's row for `url` assigns."""
    urls = {
        (row.source, row.attribute.rpartition(".")[0]): row.constant
        for row in rows
        if row.constant and row.attribute.endswith(".url")
    }
    for row in rows:
        before = row.attribute
        while "." in before:
            before = before.rpartition(".")[0]
            if (row.source, before) in urls and not row.attribute.endswith(".url"):
                row = replace(row, url=urls[row.source, before] or "")  # noqa: PLW2901  (the same row, completed)
                break
        yield row
