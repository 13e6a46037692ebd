"""Measured values and reference ranges, as laboratories write them."""

from __future__ import annotations

from typing import Any

import pytest

from contract.errors import Code, Severity
from mappings.language.functions import REGISTRY
from mappings.language.runtime.state import State
from tests.mappings.language.folders import CONTEXT

UCUM = ("g/L", "http://unitsofmeasure.org", "g/L")


def run(name: str, *values: Any) -> tuple[Any, list[Code]]:
    state = State(CONTEXT, "R01")
    result = REGISTRY[name].run(state, "OBX-5", *values)
    assert all(issue.severity is Severity.WARNING for issue in state.issues), "a result is never refused for its value"
    return result, [issue.code for issue in state.issues]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("5.10", {"value": 5.1}),
        ("<5", {"comparator": "<", "value": 5}),
        ("> = 5", None),
        (">= 120", {"comparator": ">=", "value": 120}),
        ("\u22640.4", {"comparator": "<=", "value": 0.4}),
        ("1:128", None),
        ("NEGATIVE", None),
        ("5.2 H", None),
        ("1" + "0" * 17, {"value": 1e17}),
        ("9" * 19, None),
        ("0." + "0" * 30 + "1", None),
    ],
)
def test_a_number_or_a_limit_is_measured_and_anything_else_is_text(text: str, told: dict[str, Any] | None) -> None:
    (kind, value), issues = run("measured", text, *UCUM)

    if told is None:
        assert (kind, value, issues) == ("string", f"{text} g/L", [Code.UNKNOWN_OBX_TYPE])
    else:
        unit = {"unit": "g/L", "system": "http://unitsofmeasure.org", "code": "g/L"}
        assert (kind, {k: float(v) if k == "value" else v for k, v in value.items()}, issues) == (
            "Quantity",
            told | unit,
            [],
        )


@pytest.mark.parametrize(
    ("text", "unit", "told"),
    [
        ("5.82", "kPa", ("Quantity", {"value": 5.82, "unit": "kPa"})),
        (">90", "mL/min", ("Quantity", {"comparator": ">", "value": 90, "unit": "mL/min"})),
        ("not calculated", "copies/ml", ("string", "not calculated copies/ml")),
        ("125,256 Copies/mL", "copies/ml", ("string", "125,256 Copies/mL")),
    ],
)
def test_text_with_a_unit_is_measured_where_it_is_a_number(text: str, unit: str, told: tuple[str, Any]) -> None:
    (kind, value), issues = run("measured_text", text, unit)
    if isinstance(value, dict):
        value["value"] = float(value["value"])
    assert ((kind, value), issues) == (told, [])


def test_a_structured_range_that_runs_backwards_has_no_upper_end() -> None:
    (kind, span), _ = run("structured_numeric", "^5^-^1", "g/L")
    assert (kind, span.keys(), float(span["low"]["value"])) == ("Range", {"low"}, 5)


def test_a_bare_number_is_a_structured_one() -> None:
    (kind, value), issues = run("structured_numeric", "103.4", "umol/L")
    assert (kind, float(value["value"]), value["unit"], issues) == ("Quantity", 103.4, "umol/L", [])


def test_a_units_code_has_single_blanks_as_a_fhir_code_must() -> None:
    (_, value), _ = run("measured", "5", "mmol/L", UCUM[1], "mmol/\n L ")
    assert value["code"] == "mmol/ L"
    (_, value), _ = run("measured", "5", "mmol/L", UCUM[1], " \n")
    assert "code" not in value


def test_a_unit_has_a_code_only_with_its_system() -> None:
    (_, value), _ = run("measured", "5", "10*9/l", None, "10*9/l")

    assert value == {"value": 5, "unit": "10*9/l"}


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3.5-5.0", 3.5, 5.0),
        (" 3.5 - 5.0 ", 3.5, 5.0),
        ("(135 to 145)", 135, 145),
        ("-2--1", -2, -1),
        ("-2 - 2", -2, 2),
        ("<5", None, 5),
        ("> 10", 10, None),
        (">=10", 10, None),
        ("5.0-3.5", None, None),
        ("3.5-5.0 mmol/L", None, None),
        ("negative", None, None),
        ("up to 5", None, None),
    ],
)
def test_a_reference_range_has_the_limits_that_its_text_says(text: str, low: float | None, high: float | None) -> None:
    found = [run(name, text)[0] for name in ("lower_limit", "upper_limit")]

    assert [None if limit is None else float(limit["value"]) for limit in found] == [low, high]


@pytest.mark.parametrize(
    ("raw", "kind", "value"),
    [
        (">^100", "Quantity", {"comparator": ">", "value": 100, "unit": "g/L"}),
        ("^1^-^5", "Range", {"low": {"value": 1, "unit": "g/L"}, "high": {"value": 5, "unit": "g/L"}}),
        (
            "<^1^:^128",
            "Ratio",
            {"numerator": {"comparator": "<", "value": 1, "unit": "g/L"}, "denominator": {"value": 128}},
        ),
        ("^2^+", "string", "2 + g/L"),
    ],
)
def test_structured_numbers(raw: str, kind: str, value: Any) -> None:
    assert run("structured_numeric", raw, "g/L")[0] == (kind, value)


@pytest.mark.parametrize(
    ("data", "encoding", "kept", "issues"),
    [
        ("JVBERi0x\r\nLjQ=", "Base64", "JVBERi0xLjQ=", []),
        ("JVBERi0xLjQ=", None, "JVBERi0xLjQ=", []),
        ("255044462D", "Hex", "JVBERi0=", []),
        ("plain", "A", "cGxhaW4=", []),
        ("JVBERi0xLg", "Base64", "JVBERi0xLg==", []),
        ("JVBERi0=====", "Base64", "JVBERi0=", []),
        ("JVBERi0xx", "Base64", "SlZCRVJpMHh4", [Code.INVALID_VALUE]),
        ("no base64!", "Base64", "bm8gYmFzZTY0IQ==", [Code.INVALID_VALUE]),
    ],
)
def test_what_is_encapsulated_comes_as_base64(data: str, encoding: str | None, kept: str, issues: list[Code]) -> None:
    assert run("encapsulated", data, encoding) == (kept, issues)


def test_a_composite_is_kept_in_words() -> None:
    assert run("words", r"SMITH&VAN^JOHN^^^Dr\S\x")[0] == "SMITH VAN JOHN Dr^x"
