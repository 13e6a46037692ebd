"""The layout of pack files: what it changes, and what it must never change."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mappings.language.folder import BUILT_IN
from mappings.language.layout.documents import WIDTH, Unformattable, laid_out
from mappings.language.layout.files import laid_out_files
from mappings.language.layout.meaning import same_document
from mappings.language.layout.spacing import spaced

UNTIDY = """\
# head


takes:   PID,PD1?
a:     # of a
     b :  PID-3[ .4="NHS" ] [1]|text   # of b
     # end of a
     # twice
c:
- if:  true
  d: 'x'
  # in the item
-   e: NO
    f: {if: trigger="A11",then: "cancelled"}
    g: '12:30'
    h: "010"


# before i
i: >-   # folded
     PID-3   or
     PID-4
groups: [PID,PD1]
"""

TIDY = """\
# head

takes: PID, PD1?
a:     # of a
  b: PID-3[.4 = "NHS"][1] | text       # of b
  # end of a
  # twice
c:
  - if: true
    d: "x"
    # in the item
  - e: NO
    f: {if: trigger = "A11", then: "cancelled"}
    g: "12:30"
    h: "010"

# before i
i: >-   # folded
  PID-3   or
  PID-4
groups: [PID, PD1]
"""


def test_a_file_is_laid_out() -> None:
    assert laid_out(UNTIDY.replace("takes:   PID,PD1?", "takes:   PID,  PD1?")) == TIDY


def test_laying_out_twice_changes_nothing() -> None:
    assert laid_out(TIDY) == TIDY


def test_windows_line_ends_and_a_byte_order_mark_go() -> None:
    assert laid_out("\ufeff" + TIDY.replace("\n", "\r\n")) == TIDY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('PID-3[ .4="NHS" ] [1] .1|f( x,y )??PID-4', 'PID-3[.4 = "NHS"][1].1 | f(x, y) ?? PID-4'),
        ('not(.4 = "a"or .5!="b")', 'not (.4 = "a" or .5 != "b")'),
        ('"NHS"in PID-3[*].4', '"NHS" in PID-3[*].4'),
        ('x in("a  b",  "c")', 'x in ("a  b", "c")'),
        ("hl7v2  1.x", "hl7v2 1.x"),
        ("patient-admitted-1", "patient-admitted-1"),
    ],
)
def test_expressions_have_one_spelling(text: str, expected: str) -> None:
    assert spaced(text) == expected


def test_a_long_expression_is_broken_before_operators_and_behind_commas_the_outer_ones_first() -> None:
    text = f"id: {' ?? '.join(f'identity(PID-3[.5 = {kind!r}][1].1, PID-3[1].4)' for kind in ('MR', 'PI', 'XX'))}\n"
    assert laid_out(text.replace("'", '"')) == (
        "id: >-\n"
        '  identity(PID-3[.5 = "MR"][1].1, PID-3[1].4) ?? identity(PID-3[.5 = "PI"][1].1, PID-3[1].4)\n'
        '  ?? identity(PID-3[.5 = "XX"][1].1, PID-3[1].4)\n'
    )


def test_a_blank_inside_quotes_is_no_place_to_break() -> None:
    value = "x = " + f'"{"word " * 30}end"'
    assert laid_out(f"if: {value}\n") == f"if: >-\n  {value}\n"


def test_a_comment_that_does_not_fit_beside_its_line_stands_above_it() -> None:
    line = f"if: {'x' * 70}"
    comment = "# " + "why " * 10
    assert laid_out(f"{line}  {comment}\n") == f"{comment.strip()}\n{line}\n"


def test_long_comments_are_broken_between_words_and_short_ones_stay_as_they_were_broken() -> None:
    found = laid_out("# " + "word " * 30 + "\n# and more\n#\n# short\n# lines\na: b\n").split("\n")
    assert max(map(len, found)) <= WIDTH
    assert found[1].endswith("and more")
    assert found[2:5] == ["#", "# short", "# lines"]


def test_a_flow_collection_with_a_comment_inside_becomes_a_block() -> None:
    assert laid_out("a: {b: c,  # why\n  d: e}\n") == "a:\n  b: c     # why\n  d: e\n"


@pytest.mark.parametrize("text", ["a: &x b\nc: *x\n", "a: !!str b\n", "? [a, b]\n: c\n"])
def test_what_no_pack_file_holds_is_refused(text: str) -> None:
    with pytest.raises(Unformattable):
        laid_out(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: final\n", 'a: "final"\n'),
        ('a: "x  y"\n', 'a: "x y"\n'),
        ("a: 1.0\n", "a: 1.00\n"),
        ("a: b # why\n", "a: b\n"),
        ("a: 1\nb: 2\n", "b: 2\na: 1\n"),
        ('M: "x"\n', '"M": "x"\n'),
        ('a: PID-3 = "x y"\n', 'a: PID-3 = "xy"\n'),
    ],
)
def test_another_meaning_is_seen(before: str, after: str) -> None:
    assert same_document(before, before)
    assert not same_document(before, after)


def test_a_file_whose_meaning_would_change_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pack.yaml").write_text("a: 'b'\n")
    monkeypatch.setattr("mappings.language.layout.files.laid_out", lambda text: text.replace("'", ""))

    (found,) = laid_out_files(tmp_path)

    assert "meaning would change" in found.refused
    assert not found.changed


WORDS = st.sampled_from(["PID-3", ".4", '"a b"', "'x'", "or", "and", "(", ")", "[1]", "|", "??", "date", "NO", "0.10"])
SCALARS = st.one_of(
    st.lists(WORDS, min_size=1, max_size=25).map(" ".join),
    st.text(" abÄ:#'\"\\[]{},&*!|>%@`-?", min_size=1, max_size=12).map(lambda t: f'"{t}"'.replace("\\", "\\\\")),
)
NODES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(st.sampled_from(["if", "then", "identifier:nhs", "a", "value[x]"]), inner, min_size=1),
    ),
    max_leaves=8,
)


def _written(node: object, column: int, step: int, note: str) -> str:
    margin = " " * column
    if isinstance(node, dict):
        inner = ((f"{margin}{key}:", value) for key, value in node.items())
    elif isinstance(node, list):
        inner = ((f"{margin}-", value) for value in node)
    else:
        return f" {node}{note}\n"
    text = "".join(f"{head}{_written(value, column + step, step, note)}" for head, value in inner)
    return f"{note}\n{note.replace('#', margin + '#', 1)}\n{text}" if column else text


@given(NODES, st.sampled_from([1, 2, 3, 7]), st.sampled_from(["", "  # why", " #"]))
def test_whatever_is_written_keeps_its_meaning_and_settles_at_once(node: object, step: int, note: str) -> None:
    text = _written(node, 0, step, note).lstrip()
    try:
        first = laid_out(text)
    except (yaml.YAMLError, Unformattable):
        return  # not every text that is made here is a document
    assert same_document(text, first)
    assert laid_out(first) == first


@pytest.mark.parametrize("root", sorted(BUILT_IN.iterdir()), ids=lambda root: root.name)
def test_every_built_in_pack_is_laid_out(root: Path) -> None:
    found = list(laid_out_files(root))
    assert found
    assert [(f.shown, f.refused) for f in found if f.changed or f.refused] == []
