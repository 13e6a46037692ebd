"""What each of the 63 real messages must become, written from the standard (corpus.csv), and that preview agrees.

`outcome` is the event type of every event of the message, or the code of its refusal. Where the standard of one's own
version could not be looked up, the section is that of version 2.8 or the one named.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from carehub.main import app
from contract.errors import Code
from contract.event import is_event_type
from tests.corpus import CORPUS, needs_corpus

TABLE: Final = Path(__file__).with_name("corpus.csv")
EXPECTED: Final = {
    row["file"]: row["outcome"] for row in csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines())
}


@pytest.fixture(scope="module", params=["hl7v2", "hl7v2-itk"])
def outcomes(request: pytest.FixtureRequest) -> dict[str, str]:
    """What `carehub preview` says of each file by this pack."""
    files = sorted(map(str, (CORPUS / "hl7v2").glob("*.hl7")))
    found: dict[str, set[str]] = {}
    for line in CliRunner().invoke(app, ["preview", "--pack", request.param, *files]).stdout.splitlines():
        told = json.loads(line)
        types = {event["type"] for event in told["events"]} or {told["issues"][0]["code"]}
        found.setdefault(Path(told["file"]).name, set()).update(types)
    return {name: " ".join(sorted(types)) for name, types in found.items()}


def test_the_table_names_event_types_and_refusal_codes() -> None:
    assert len(EXPECTED) == 63
    assert all(is_event_type(outcome) or outcome in set(Code) for outcome in EXPECTED.values())


@needs_corpus
@pytest.mark.corpus
def test_the_table_has_every_real_message(outcomes: dict[str, str]) -> None:
    assert outcomes.keys() == EXPECTED.keys()


@needs_corpus
@pytest.mark.corpus
@pytest.mark.parametrize("file", sorted(EXPECTED))
def test_a_real_message_becomes_what_the_standard_says(file: str, outcomes: dict[str, str]) -> None:
    assert outcomes[file] == EXPECTED[file]
