"""What messages become that nobody should send, or that lack a field: whatever of it is published must be sound FHIR.

The messages come from tests/mappings/mutations.py, each by its seed. Warnings do not count: an odd value is often kept
as it came.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mappings.language import load_pack
from tests.conformance.gather import Published, previewer
from tests.conformance.judging import HERE, ask_all, counted
from tests.conformance.progress import Told
from tests.conformance.tools import fetch_tools
from tests.conformance.verdicts import ERROR, Verdict, read_accepted, sort_out
from tests.mappings.mutations import lacking, message

MAKERS: Final[dict[str, Callable[[int], bytes]]] = {"mutated": message, "lacking": lacking}


@dataclass(frozen=True, slots=True)
class Odd:
    """`refused` counts messages that became no event, by the reason's code; the messages with an error are written to
    `folder`."""

    messages: int
    refused: Counter[str]
    events: int
    resources: Counter[str]
    errors: list[Verdict]
    folder: Path


def judge_odd(data: Path, number: int, told: Told) -> Odd:
    """Judges what `number` messages of each kind become. Raises Misconfigured as fetch_tools."""
    tools = fetch_tools(data, lambda line: told(line, 0, 0))
    published, refused = _published(number, told)
    said = ask_all(tools, data, {each.name: each.bundle for each in published}, told)
    everything = (verdict for those in said.verdicts.values() for verdict in those if verdict.severity == ERROR)
    errors = sort_out(everything, {}, read_accepted(HERE / "accepted.yaml")).ours
    return Odd(
        len(MAKERS) * number,
        refused,
        len(published),
        counted(published),
        errors,
        _written(data / "conformance" / "odd", errors),
    )


def _published(number: int, told: Told) -> tuple[list[Published], Counter[str]]:
    previewers = [previewer([load_pack(name)]) for name in ("hl7v2", "hl7v2-itk")]
    events: list[Published] = []
    refused: Counter[str] = Counter()
    for kind, make in MAKERS.items():
        for seed in range(number):
            told(f"mapping {kind} messages", seed, number)
            result = previewers[seed % 2].message(make(seed), "application/hl7-v2")
            if not result["ok"]:
                refused[result["issues"][0]["code"]] += 1
            events += (Published(f"{kind}/{seed}#{at}", each["bundle"]) for at, each in enumerate(result["events"]))
    return events, refused


def _written(folder: Path, errors: list[Verdict]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    for kind, seed in {tuple(each.bundle.partition("#")[0].split("/")) for each in errors}:
        file = folder / kind / f"{seed}.hl7"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(MAKERS[kind](int(seed)))
    return folder
