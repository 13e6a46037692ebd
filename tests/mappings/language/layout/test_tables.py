"""The layout of CSV lists."""

from __future__ import annotations

import pytest

from mappings.language.codes import COLUMNS
from mappings.language.layout.documents import Unformattable
from mappings.language.layout.tables import laid_out_table, same_table


def test_line_ends_blank_lines_blanks_at_the_end_and_needless_quotes_go() -> None:
    untidy = '\ufeff# unknown: keep  \r\ncode,display\r\n"A","Ward, west" \r\n\r\nB,"x ""y"""'
    tidy = '# unknown: keep\ncode,display\nA,"Ward, west"\nB,"x ""y"""\n'
    assert laid_out_table(untidy, COLUMNS) == tidy
    assert laid_out_table(tidy, COLUMNS) == tidy


def test_columns_come_in_their_order_and_unknown_ones_last() -> None:
    found = laid_out_table("more,name,message,type\nm,Ward,W,text\n", ("message", "name", "type"))
    assert found == "message,name,type,more\nW,Ward,text,m\n"


@pytest.mark.parametrize("row", ["a", "a,b,c", '"a,b'])
def test_a_row_that_does_not_fit_the_header_is_refused(row: str) -> None:
    with pytest.raises(Unformattable):
        laid_out_table(f"code,display\n{row}\n", COLUMNS)


@pytest.mark.parametrize("after", ["code\nB\n", "code\nA\nA\n", "# x\ncode\nA\n", "kode\nA\n"])
def test_another_meaning_is_seen(after: str) -> None:
    assert same_table("code\nA\n", "code\nA\n")
    assert not same_table("code\nA\n", after)
