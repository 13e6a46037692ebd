"""Each line of a code list says where it comes from, and what is called verified stands in that source.

Sources that are at hand are read: HL7's v2-to-FHIR guide and UK Core here, R4's own code systems in tests/conformance.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache
from typing import Final

import pytest
from lxml import etree

from tests.corpus import CORPUS, needs_corpus
from tests.mappings.test_acute import PACKS

Row = dict[str, str]

CONCEPT_MAP: Final = re.compile(r"HL7 v2-to-FHIR concept map (\w+(?:\[[^\]]*\])?)")
UK_CORE: Final = "https://fhir.hl7.org.uk/CodeSystem/"
FHIR: Final = {"f": "http://hl7.org/fhir"}
GUESSED: Final = re.compile("analogy|proposal|chosen|general knowledge|usual words|spelt", re.IGNORECASE)
"""Words of a source that is none."""


@cache
def rows() -> tuple[tuple[str, Row], ...]:
    """Every line of every code list, with the list's place: `hl7v2/codes/yes-no.csv`."""
    return tuple(_rows())


def _rows() -> Iterator[tuple[str, Row]]:
    for file in sorted(PACKS.glob("*/codes/*.csv")):
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        yield from ((str(file.relative_to(PACKS)), row) for row in csv.DictReader(lines))


def verified() -> list[tuple[str, Row]]:
    return [(file, row) for file, row in rows() if row["verified"] == "yes"]


def told(file: str, row: Row) -> str:
    return f"{file}: {row['code']} → {row['target_system']}#{row['target_code']} ({row['from']})"


def test_each_line_says_where_it_comes_from_and_whether_that_was_verified() -> None:
    assert len(rows()) > 3000
    assert [told(*each) for each in rows() if not each[1]["from"].strip()] == []
    assert [told(*each) for each in rows() if each[1]["verified"] not in ("yes", "no")] == []


def test_a_line_whose_target_was_chosen_is_not_called_verified() -> None:
    assert [told(*each) for each in verified() if GUESSED.search(each[1]["from"])] == []


@needs_corpus
def test_what_is_verified_by_a_concept_map_of_the_guide_stands_there() -> None:
    claimed = [(file, row, found[1]) for file, row in verified() if (found := CONCEPT_MAP.search(row["from"]))]
    assert len(claimed) > 700
    assert [told(file, row) for file, row, name in claimed if not _mapped_so(row, name)] == []


def _mapped_so(row: Row, name: str) -> bool:
    """The guide writes some source codes in other letters, or several in one cell."""
    for source, target in concept_map(name):
        sources = {each.strip().upper() for each in source.split(",")}
        if row["code"].upper() in sources and row["target_code"] in (target, *target.split(",")):
            return True
    return False


@cache
def concept_map(name: str) -> tuple[tuple[str, str], ...]:
    """Source and target codes, in the order of the guide's file."""
    (file,) = (CORPUS / "v2_to_fhir_ig" / "codesystems").glob(f"HL7 Concept Map_ {_literally(name)} - *.csv")
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return tuple((cells[0].strip(), cells[6].strip()) for cells in list(csv.reader(lines))[2:] if len(cells) > 6)


def _literally(name: str) -> str:
    return name.replace("[", "[[]")


@needs_corpus
def test_codes_under_uk_core_s_systems_are_uk_core_s() -> None:
    claimed = [(file, row) for file, row in rows() if row["target_system"].startswith(UK_CORE)]
    assert len(claimed) > 150
    systems = uk_core()
    assert [told(*each) for each in claimed if each[1]["target_code"] not in systems[each[1]["target_system"]]] == []


def uk_core() -> dict[str, set[str]]:
    """The codes of each of UK Core's code systems, by its address."""
    found: dict[str, set[str]] = {}
    for file in (CORPUS / "uk_core" / "codesystems").glob("*.xml"):
        system = etree.parse(file)
        (url,) = system.xpath("/f:CodeSystem/f:url/@value", namespaces=FHIR)
        found[url] = set(system.xpath("//f:concept/f:code/@value", namespaces=FHIR))
    return found


@pytest.mark.parametrize("source", ["by analogy", "target chosen here", "a proposal of this pack"])
def test_a_source_that_is_none_is_known_as_such(source: str) -> None:
    assert GUESSED.search(source)
