"""YAML is read as nodes: no type surprises, no lost keys, every place known."""

from __future__ import annotations

from mappings.language.nodes import Mapping, Scalar, read_yaml
from mappings.language.problems import Problems


def read(text: str) -> tuple[Mapping, Problems]:
    problems = Problems()
    node = read_yaml(text, "a.yaml", problems)
    assert isinstance(node, Mapping)
    return node, problems


def test_scalars_stay_text_and_quotes_are_seen() -> None:
    node, _ = read('a: NO\nb: 010\nc: 12:30\nd: "final"\ne: 2020-01-01\n')

    found = [(s.text, s.quoted) for s in (e.value for e in node) if isinstance(s, Scalar)]

    assert found == [("NO", False), ("010", False), ("12:30", False), ("final", True), ("2020-01-01", False)]


def test_a_key_that_is_there_twice_is_refused_with_both_lines() -> None:
    _, problems = read("system: PID-1\nvalue: PID-2\nsystem: PID-3\n")

    (problem,) = problems.errors
    assert (problem.place.line, problem.place.column) == (3, 1)
    assert "line 1" in problem.advice


def test_an_offset_in_a_folded_expression_is_found_in_its_own_line() -> None:
    node, _ = read("id: >-\n  identity(PID-3[1].1)\n  ?? identity(PID-4.1)\n")
    value = node.get("id")
    assert isinstance(value, Scalar)

    place = value.at(value.text.index("PID-4"))

    assert (place.line, place.column) == (3, 15)
    assert place.text[place.column - 1 :].startswith("PID-4.1")


def test_broken_yaml_names_its_line() -> None:
    problems = Problems()

    assert read_yaml('a: "x" ?? PID-3\n', "a.yaml", problems) is None
    assert problems.errors[0].place.line == 1
    assert "brackets" in problems.errors[0].advice
