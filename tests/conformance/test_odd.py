"""Odd messages are told by kind and seed, and those with errors lie there to be looked at; nothing is judged twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conformance import hapi, report
from tests.conformance.odd import Odd, _written
from tests.conformance.progress import stages
from tests.conformance.tools import Tools
from tests.conformance.verdicts import ERROR, Verdict
from tests.mappings.mutations import lacking, message

WRONG = Verdict("mutated/7#0", "hapi", ERROR, "code", "Bundle.entry[1].resource/*Patient/x*/.gender", "Unknown code")


def test_a_message_with_an_error_is_written_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "odd" / "mutated").mkdir(parents=True)
    (tmp_path / "odd" / "mutated" / "5.hl7").touch()
    folder = _written(tmp_path / "odd", [WRONG])
    assert [file.relative_to(folder) for file in folder.rglob("*.hl7")] == [Path("mutated/7.hl7")]
    assert (folder / "mutated" / "7.hl7").read_bytes() == message(7)


def test_the_report_says_where_the_messages_are(tmp_path: Path) -> None:
    odd = Odd(20, Counter({"invalid-date": 2}), 18, Counter(Patient=18), [WRONG], tmp_path)
    told = "\n".join(report.odd_lines(odd))
    assert "1 errors; refused: 2 (2 invalid-date)" in told
    assert "in mutated/7#0: Bundle.entry[1]" in told
    assert str(tmp_path) in told


def test_a_message_lacks_a_field_and_still_tells_its_kind() -> None:
    for seed in range(200):
        lines = [line.split(b"|") for line in lacking(seed).split(b"\r")]
        assert all(len(line) > 8 and line[1] and line[8] for line in lines if line[0] == b"MSH")


def test_what_was_judged_is_not_judged_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[int] = []

    def answers(_tools: Tools, _folders: Sequence[Path], jobs: Sequence[bytes], _told: object) -> Iterator[bytes]:
        asked.append(len(jobs))
        yield orjson.dumps({"definitions": 3}) + b"\n"
        yield from (orjson.dumps({"id": orjson.loads(job)["id"], "verdicts": []}) + b"\n" for job in jobs)
        yield orjson.dumps({"applied": []}) + b"\n"

    monkeypatch.setattr(hapi, "_answers", answers)
    tools, patient = Tools("java", tmp_path / "libs", tmp_path), {"resourceType": "Patient"}

    def judged(**more: Any) -> int:
        return hapi.judge(tools, [], [("a", patient), ("b", patient | more)], stages(print)).judged

    assert [judged(), judged(), judged(id="x"), judged(id="x")] == [2, 2, 2, 2]
    assert asked == [2, 2]


def test_a_stage_is_said_once() -> None:
    said: list[str] = []
    tell = stages(said.append)
    for done in range(3):
        tell("mapping", done, 3)
    tell("judging", 0, 0)
    assert said == ["mapping", "judging"]
