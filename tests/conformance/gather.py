"""The bundles to judge: those that the packs' samples expect, and those that the corpus becomes."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from carehub.packs import sound_packs
from carehub.settings import Settings
from contract.errors import Refusal
from contract.identifiers import ResourceIds
from gateway.preview import NOBODY, Previewer
from mappings import formats
from mappings.language import ANYWHERE, CompiledPack
from mappings.stages import Format
from tests.corpus import CORPUS

ROOT: Final = Path(__file__).parent.parent.parent
PACKS: Final = ROOT / "mappings" / "packs"
UK_CORE: Final = CORPUS / "uk_core"
_PROFILES: Final = "https://fhir.hl7.org.uk/StructureDefinition/"
_KEY: Final = b"conformance: never for real"
_MESSAGES: Final = (
    "hl7v2/*.hl7",
    "bars/*.json",
    "mns/**/*.json",
    "nems/*.xml",
    "open_mhealth/test-data/**/*.json",
)


@dataclass(frozen=True, slots=True)
class Published:
    """A bundle that carehub publishes; `sent` is the sender's own FHIR that passed into it, None for other formats."""

    name: str
    bundle: dict[str, Any]
    sent: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Corpus:
    """What the corpus became: events, and how many messages became none, by the reason's code."""

    files: int
    events: tuple[Published, ...]
    refused: Counter[str]


def goldens() -> Iterator[Published]:
    """Every event that a pack's sample expects: `hl7v2-itk/a01-admission#0`."""
    for golden in sorted(PACKS.glob("*/samples/*/expected.json")):
        (message,) = golden.parent.glob("message.*")
        sent = _sent(message.read_bytes())
        pack, sample = golden.parts[-4], golden.parts[-2]
        for number, event in enumerate(orjson.loads(golden.read_bytes()).get("events", ())):
            yield Published(f"{pack}/{sample}#{number}", event["bundle"], sent)


def from_corpus() -> Corpus:
    """Every event that the corpus's messages become, as `carehub preview` shows them: `corpus/ADT-A01-01.hl7#0.0`."""
    files = sorted(file for pattern in _MESSAGES for file in CORPUS.glob(pattern))
    packs, broken = sound_packs(Settings(), ANYWHERE)
    if broken:
        raise RuntimeError(f"{', '.join(broken)}: does not compile, see `carehub packs lint`")
    events: list[Published] = []
    refused: Counter[str] = Counter()
    for file in files:
        body = file.read_bytes()
        sent, name = _sent(body), f"corpus/{file.relative_to(CORPUS)}"
        for result in previewer(packs).body(body, None):
            if not result["ok"]:
                refused[result["issues"][0]["code"]] += 1
            for number, event in enumerate(result["events"]):
                events.append(Published(f"{name}#{result['index']}.{number}", event["bundle"], sent))
    return Corpus(len(files), tuple(events), refused)


def previewer(packs: Sequence[CompiledPack]) -> Previewer:
    """Maps as `carehub preview` does, always with the same ids and clock."""
    return Previewer(packs, ResourceIds(_KEY), NOBODY, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def profiled(resource: dict[str, Any]) -> dict[str, Any]:
    """A copy that claims the UK Core profile of its type, and so does every entry of a Bundle: for judging only."""
    found = copy.deepcopy(resource)
    for each in (found, *(entry["resource"] for entry in found.get("entry", ()) if "resource" in entry)):
        if profile := profiles().get(each.get("resourceType", "")):
            claimed = each.setdefault("meta", {}).setdefault("profile", [])
            if profile not in claimed:
                claimed.append(profile)
    return found


@cache
def profiles() -> dict[str, str]:
    """Resource type → canonical of UK Core's profile for it in general."""
    names = [file.stem for file in (UK_CORE / "structuredefinitions").glob("UKCore-*.xml")]
    return {name.removeprefix("UKCore-"): _PROFILES + name for name in names if name.count("-") == 1}


def _sent(body: bytes) -> dict[str, Any] | None:
    try:
        if formats.recognise(body, None) is not Format.FHIR:
            return None
        tree = formats.decode(body, Format.FHIR).tree
    except Refusal:
        return None
    return dict(orjson.loads(orjson.dumps(tree, default=lambda value: orjson.Fragment(str(value)))))
