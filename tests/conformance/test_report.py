"""What the report tells whoever has to mend something."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conformance import report
from tests.conformance.faults import FAULTS
from tests.conformance.gather import Corpus
from tests.conformance.judging import FAULT, UNTOUCHED, Judged
from tests.conformance.verdicts import ERROR, Sorted, Verdict

PATH = "Bundle.entry[3].resource/*Patient/0b9d3f2e-0000-8000-8000-000000000001*/.gender"
SEEN = {UNTOUCHED: frozenset[str](), **{FAULT + fault.name: fault.seen_by for fault in FAULTS}}


def judged(*ours: Verdict, seen: dict[str, frozenset[str]] = SEEN) -> Judged:
    found = Sorted(ours=list(ours))
    corpus = Corpus(0, (), Counter())
    return Judged(100, corpus, False, Counter(Patient=100), 0, (), found, seen)


def test_an_error_names_pack_sample_entry_path_and_what_to_do() -> None:
    told = "\n".join(report.lines(judged(Verdict("hl7v2/a01#0", "hapi", ERROR, "code", PATH, "Unknown code 'men'"))))
    assert f"in hl7v2/a01#0: {PATH}" in told
    assert "Unknown code 'men'" in told
    assert "mappings/packs/hl7v2" in told
    assert "carehub packs test --accept" in told


def test_what_was_not_judged_is_said() -> None:
    assert "no corpus" in report.counted(judged())
    assert "without UK Core" in report.counted(judged())


@pytest.mark.parametrize("missed", [FAULTS[0].name, FAULTS[-1].name])
def test_a_planted_fault_that_nobody_saw_is_a_fault_of_the_judging(missed: str) -> None:
    assert judged().faults == []
    (told,) = judged(seen=SEEN | {FAULT + missed: frozenset()}).faults
    assert f"`{missed}`" in told


def test_a_script_gets_the_same() -> None:
    verdict = Verdict("hl7v2/a01#0", "hapi", ERROR, "code", PATH, "Unknown code 'men'")
    told = report.document(judged(verdict))
    assert told["ours"] == [
        {
            "bundle": "hl7v2/a01#0",
            "judge": "hapi",
            "severity": "error",
            "code": "code",
            "path": PATH,
            "message": "Unknown code 'men'",
            "profile": "",
        }
    ]
    assert told["resources"] == {"Patient": 100}
