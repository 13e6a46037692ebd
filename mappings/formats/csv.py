"""CSV files (RFC 4180, and what spreadsheets make of it): the header once, then one message body for each row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

import orjson

from contract.errors import Code, Issue, Refusal, Undecodable, refuse
from mappings.formats.part import CSV_ROW, Part

_SEPARATORS: Final = ",;\t|"
_MARK: Final = b"\xef\xbb\xbf"


def split_csv(body: bytes) -> Iterator[Part]:
    """One Part for each row, numbered from 1 behind the header; blank lines are no rows.

    A part's body is a JSON object of column name to text, as sent, empty text included. A row that cannot be read or
    has another number of values than the header carries an issue (`row 12`) and a body that decodes to nothing: the
    rows beside it are not held up. Text is UTF-8, else Windows-1252. The separator is the one of comma, semicolon, tab
    and bar that the header line holds most of.

    Raises Undecodable at the first step when there is no header, or a column without a name or named twice.
    """
    reader = _reader(body)
    header = _header(reader)
    number = 0
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            yield _unreadable(number, [], f"the row is not CSV ({_reason(error)})")
            continue
        if not values:
            continue
        number += 1
        if len(values) == len(header):
            yield Part(number, orjson.dumps(dict(zip(header, values, strict=True))), CSV_ROW)
        else:
            yield _unreadable(number, values, f"the row has {len(values)} values, the header {len(header)} columns")


def columns_of(body: bytes) -> list[str]:
    """The names in the header, as written. Raises Undecodable when there is none, as `split_csv` does."""
    return _header(_reader(body))


def _reader(body: bytes) -> Iterator[list[str]]:
    text = _text(body)
    first_line = io.StringIO(text, newline="").readline()
    separator = max(_SEPARATORS, key=_outside_quotes(first_line).count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)


def _text(body: bytes) -> str:
    content = body.removeprefix(_MARK)
    if not content.strip():
        raise refuse(Undecodable, Code.EMPTY, "the file is empty; its first line should name the columns")
    if b"\x00" in content:
        raise refuse(Undecodable, Code.BAD_ENCODING, "the file is not text in UTF-8; save it as CSV UTF-8")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return text.lstrip("\r\n")


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        names = [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise _bad_header(f"the line of column names is not CSV ({_reason(error)})") from None
    seen: set[str] = set()
    for column, name in enumerate(names, start=1):
        if not name:
            raise _bad_header("this column has no name", column)
        if name in seen:
            raise _bad_header("this column has the name of an earlier one", column)
        seen.add(name)
    return names


def _bad_header(text: str, column: int = 0) -> Refusal:
    path = f"header, column {column}" if column else "header"
    return refuse(Undecodable, Code.MALFORMED_CSV, text, path)


def _unreadable(number: int, values: list[str], text: str) -> Part:
    return Part(number, orjson.dumps(values), CSV_ROW, Issue(Code.MALFORMED_CSV, f"row {number}", text))


def _reason(error: csv.Error) -> str:
    """The reader's words without the delimiters it quotes: they never hold a value, but need not be repeated."""
    said = str(error)
    if "unexpected end" in said:
        return "a quotation mark is opened and never closed"
    if "field larger" in said:
        return "a value is longer than 131,072 characters, or a quotation mark is never closed"
    return "a quotation mark stands inside a value; double it"
