from __future__ import annotations

import time

import orjson
import pytest

from contract.errors import Code, Undecodable
from mappings.formats import decode, recognise
from mappings.formats.csv import split_csv
from mappings.stages import Format


def rows(body: bytes) -> list[dict[str, str]]:
    return [orjson.loads(part.body) for part in split_csv(body)]


@pytest.mark.parametrize(
    "body",
    [
        b"Name,Date of Birth\r\nSmith,1970\r\nJones,\r\n",
        b"\xef\xbb\xbfName,Date of Birth\nSmith,1970\nJones,",
        b"Name;Date of Birth\rSmith;1970\rJones;",
        b"Name\tDate of Birth\nSmith\t1970\n\nJones\t\n",
        b'"Name","Date of Birth"\n"Smith","1970"\n"Jones",""\n',
    ],
    ids=["crlf", "mark", "semicolon-cr", "tab-blank-line", "quoted"],
)
def test_rows_are_dicts_of_column_to_text(body: bytes) -> None:
    assert rows(body) == [{"Name": "Smith", "Date of Birth": "1970"}, {"Name": "Jones", "Date of Birth": ""}]


def test_quoted_values_may_hold_separators_quotes_and_line_ends() -> None:
    assert rows(b'a,b\n"1, ""x""\r\ny",2\n') == [{"a": '1, "x"\r\ny', "b": "2"}]


def test_the_separator_is_read_from_the_header_line_outside_quotes() -> None:
    assert rows(b'"a;b;c",d\n1;2,3\n') == [{"a;b;c": "1;2", "d": "3"}]


def test_text_is_utf_8_or_else_windows() -> None:
    assert rows("n\nZoë\n".encode()) == rows("n\nZoë\n".encode("cp1252")) == [{"n": "Zoë"}]


def test_a_ragged_row_is_an_issue_of_that_row_alone() -> None:
    parts = list(split_csv(b"a,b\n1,2\n1,2,3\n4\n5,6\n"))
    assert [(part.number, part.issue.path if part.issue else None) for part in parts] == [
        (1, None),
        (2, "row 2"),
        (3, "row 3"),
        (4, None),
    ]
    assert all(part.issue.code is Code.MALFORMED_CSV for part in parts if part.issue)
    with pytest.raises(Undecodable):
        decode(parts[1].body, recognise(parts[1].body, parts[1].content_type))


def test_an_unclosed_quotation_mark_is_reported_and_does_not_hide_in_silence() -> None:
    parts = list(split_csv(b'a,b\n1,2\n"3,4\n5,6\n'))
    assert [part.issue is None for part in parts] == [True, False]
    assert parts[1].issue is not None
    assert "never closed" in parts[1].issue.text


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (b"", Code.EMPTY, ""),
        (b"\n\n", Code.EMPTY, ""),
        (b"a,b,a\n1,2,3\n", Code.MALFORMED_CSV, "header, column 3"),
        (b"a,,c\n1,2,3\n", Code.MALFORMED_CSV, "header, column 2"),
        (b'a,"b\n', Code.MALFORMED_CSV, "header"),
        (b"a\x00,b\n1,2\n", Code.BAD_ENCODING, ""),
    ],
)
def test_a_file_without_a_usable_header_is_refused(body: bytes, code: Code, path: str) -> None:
    with pytest.raises(Undecodable) as refused:
        list(split_csv(body))
    assert (refused.value.code, refused.value.issues[0].path) == (code, path)


def test_a_header_of_very_many_columns_takes_no_longer_than_rows() -> None:
    begun = time.process_time()
    assert list(split_csv(b",".join(b"c%d" % n for n in range(100_000)) + b"\n")) == []
    assert time.process_time() - begun < 2


def test_a_row_decodes_to_its_columns_and_stays_csv() -> None:
    (part,) = split_csv(b"NHS Number,Event\n9434765919,assessed\n")
    decoded = decode(part.body, recognise(part.body, part.content_type))
    assert (decoded.format, decoded.kind, decoded.message_id) == (Format.CSV, "row", None)
    assert decoded.tree == {"NHS Number": "9434765919", "Event": "assessed"}


def test_rows_are_read_one_at_a_time() -> None:
    parts = split_csv(b"a,b\n" + b"1,2\n" * 200_000)
    assert next(parts).number == 1
    assert sum(1 for _ in parts) == 199_999
