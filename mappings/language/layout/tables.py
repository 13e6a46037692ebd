"""CSV files of packs: plain line ends, the columns in their order, no blank lines and no blanks at the end of a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from mappings.language.layout.documents import Unformattable


def laid_out_table(text: str, columns: Sequence[str]) -> str:
    """`columns` in the order that they should have; others follow as they come. Lines that begin with `#` stay where
    they are. Raises Unformattable where a row has another number of values than the header."""
    found: list[str] = []
    header: list[str] = []
    for line in _lines(text):
        if line.startswith("#"):
            found.append(line)
            continue
        try:
            values = next(csv.reader([line], strict=True))
        except csv.Error:
            raise Unformattable("a quotation mark is not closed in its line") from None
        header = header or values
        if len(values) != len(header):
            raise Unformattable(f"a row has {len(values)} values, the header {len(header)} columns")
        found.append(_written([values[at] for at in _order(header, columns)]))
    return "".join(f"{line}\n" for line in found)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.removeprefix("\ufeff").splitlines() if line.strip()]


def _order(header: Sequence[str], columns: Sequence[str]) -> list[int]:
    known = [header.index(name) for name in columns if name in header]
    return [*known, *(at for at in range(len(header)) if at not in known)]


def _written(values: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(values)
    return out.getvalue()


def same_table(before: str, after: str) -> bool:
    """The same columns and rows by name, and the same lines of comment."""
    return _content(before) == _content(after)


def _content(text: str) -> tuple[list[str], list[dict[str, str]]]:
    lines = _lines(text)
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [line for line in lines if line.startswith("#")], list(rows)
