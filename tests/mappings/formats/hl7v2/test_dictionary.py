from __future__ import annotations

import csv

import pytest

from mappings.formats.hl7v2.dictionary import component_type, components, field_type, fields, repeats, segments
from tests.corpus import CORPUS, needs_corpus


@pytest.mark.parametrize(
    ("segment", "number", "data_type", "again"),
    [
        ("PID", 3, "CX", True),
        ("PID", 7, "DTM", False),
        ("PID", 19, "ST", False),
        ("PV1", 3, "PL", False),
        ("PV1", 7, "XCN", True),
        ("OBX", 5, "varies", True),
        ("MSH", 2, "ST", False),
        ("NTE", 3, "FT", True),
        ("MRG", 1, "CX", True),
        ("RXA", 5, "CWE", False),
    ],
)
def test_fields_of_the_standard(segment: str, number: int, data_type: str, again: bool) -> None:
    assert (field_type(segment, number), repeats(segment, number)) == (data_type, again)


def test_what_the_standard_does_not_have_is_unknown() -> None:
    assert field_type("PID", 99) is None
    assert not repeats("PID", 99)
    assert field_type("ZU1", 1) is None
    assert component_type("ST", 1) is None


def test_components_lead_to_data_types_that_exist() -> None:
    assert (component_type("CX", 4), component_type("HD", 2), component_type("XPN", 1)) == ("HD", "ST", "FN")
    primitive = {"DT", "DTM", "FT", "GTS", "ID", "IS", "NM", "SI", "SNM", "ST", "TM", "TX", "varies"}
    known = primitive | {of for of, _ in components()}
    assert {f.type for f in fields().values()} | {c.type for c in components().values()} <= known


def test_all_segments_are_there() -> None:
    assert {"MSH", "EVN", "PID", "PV1", "PR1", "SPM", "TQ1", "RXR", "ARV", "PRT"} <= segments()
    assert not any(name.startswith("Z") for name in segments())


@needs_corpus
@pytest.mark.corpus
def test_the_mapping_guide_knows_no_field_that_is_missing_here() -> None:
    missing = []
    for table in sorted((CORPUS / "v2_to_fhir_ig" / "segments").glob("*.csv")):
        for row in list(csv.reader(table.read_text(encoding="utf-8-sig").splitlines()))[2:]:
            segment, dash, number = row[1].strip().partition("-") if len(row) > 1 else ("", "", "")
            if dash and number.isdigit() and field_type(segment, int(number)) is None:
                missing.append(row[1])
    assert missing == []
