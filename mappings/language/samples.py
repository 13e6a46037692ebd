"""Samples: messages beside a pack with the events expected of them, and assertions written by hand.

Everything that decides the outcome is fixed: id key, sender and clock. A sample of several messages (NDJSON, a JSON
array, several CSV rows) is mapped in order. What a row hangs on is found among the pack's other samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from contract.errors import Code, Refusal
from contract.event import rfc3339
from contract.identifiers import ResourceIds
from mappings import formats
from mappings.language.cache import Cache
from mappings.language.expectations import asserted, compared
from mappings.language.pack import CompiledPack
from mappings.language.packs import load_pack
from mappings.language.subjects import subjects
from mappings.stages import Decoded, Format, Json, MapContext, Mapped, ParentState, Sender
from mappings.validation import judges_of

KEY: Final = b"sample"
SENDER: Final = Sender("sample", "sample", "X99")
CLOCK: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

_CONTENT_TYPES: Final = {
    ".hl7": "application/hl7-v2",
    ".xml": "application/fhir+xml",
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".csv": "text/csv",
}


@dataclass(frozen=True, slots=True)
class SampleResult:
    """`differences` are sentences for a person: what was expected, what came, where. `-` is expected, `+` came."""

    pack: str
    sample: str
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class AccountedSample:
    """One sample with its messages and what they became, those left out that were refused. `expected` is whether all is
    as its golden has it."""

    name: str
    expected: bool
    messages: tuple[tuple[Decoded, Mapped], ...]


def run_samples(pack: str, search: Sequence[Path] = (), cache: Cache | None = None) -> list[SampleResult]:
    """Runs every sample of a pack, or of an overlay by the name of its folder, over its pack alone. Raises PackError
    when it does not compile."""
    compiled = _compiled(pack, search, cache)
    folders = sample_folders(pack, search)
    known = _remembered(compiled, folders)
    return [SampleResult(pack, folder.name, tuple(_differences(compiled, folder, known))) for folder in folders]


def accept_samples(
    pack: str, search: Sequence[Path] = (), names: Sequence[str] = (), cache: Cache | None = None
) -> list[str]:
    """Writes what comes today as what is expected, for the samples named, else for all; gives the names of those that
    changed. Raises PackError."""
    compiled = _compiled(pack, search, cache)
    changed: list[str] = []
    folders = sample_folders(pack, search)
    known = _remembered(compiled, folders)
    for folder in folders:
        if names and folder.name not in names:
            continue
        text = orjson.dumps(_outcome(compiled, folder, known), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        golden = folder / "expected.json"
        if not golden.is_file() or golden.read_bytes() != text:
            golden.write_bytes(text)
            changed.append(folder.name)
    return changed


def _compiled(name: str, search: Sequence[Path], cache: Cache | None) -> CompiledPack:
    known = subjects(search).get(name)
    return load_pack(known.pack, search, cache, known.locality) if known is not None else load_pack(name, search, cache)


def sample_folders(pack: str, search: Sequence[Path] = ()) -> list[Path]:
    known = subjects(search).get(pack)
    base = known.root / "samples" if known is not None else None
    return sorted(p for p in base.iterdir() if p.is_dir()) if base is not None and base.is_dir() else []


def sample_alone(pack: str, search: Sequence[Path] = (), cache: Cache | None = None) -> Path | None:
    """The first sample of a pack that is accepted without what others leave to be remembered, or None. Raises
    PackError."""
    compiled = load_pack(pack, search, cache)
    found = (folder for folder in sample_folders(pack, search) if "refused" not in _outcome(compiled, folder, {}))
    return next(found, None)


def _remembered(pack: CompiledPack, folders: Sequence[Path]) -> dict[str, ParentState]:
    """What all samples leave to be remembered: round after round, until no row finds its parent any more."""
    known: dict[str, ParentState] = {}
    waiting = [d for folder in folders for d in _messages(pack, folder) if not isinstance(d, Refusal)]
    while True:
        still: list[Decoded] = []
        for decoded in waiting:
            try:
                mapped = pack.map(decoded, MapContext(SENDER, ResourceIds(KEY), CLOCK, known))
            except Refusal as refusal:
                if refusal.code is Code.PARENT_UNKNOWN:
                    still.append(decoded)
                continue
            for state in (s for event in mapped.events for s in event.states):
                known.setdefault(state.resource_id, state.state)
        if len(still) == len(waiting) or not still:
            return known
        waiting = still


def mapped_samples(pack: CompiledPack, folders: Sequence[Path]) -> Iterator[tuple[Path, Mapped | None]]:
    """Every message of these samples in order, with the sample's folder; None for what the pack refuses."""
    known = _remembered(pack, folders)
    for folder in folders:
        for run in _runs(pack, folder, known, account=False):
            yield folder, None if isinstance(run, Refusal) else run[1]


def accounted_samples(pack: CompiledPack, search: Sequence[Path] = ()) -> Iterator[AccountedSample]:
    """Every sample of the pack as it is mapped today, with what was read and where it went."""
    folders = sample_folders(pack.name, search)
    known = _remembered(pack, folders)
    for folder in folders:
        runs = tuple(_runs(pack, folder, known))
        golden = folder / "expected.json"
        expected = golden.is_file() and orjson.loads(golden.read_bytes()) == _plain_outcome(runs)
        yield AccountedSample(folder.name, expected, tuple(run for run in runs if not isinstance(run, Refusal)))


def _runs(
    pack: CompiledPack, folder: Path, known: dict[str, ParentState], *, account: bool = True
) -> Iterator[tuple[Decoded, Mapped] | Refusal]:
    """What becomes of each message of the sample, in order."""
    parents = dict(known)
    for decoded in _messages(pack, folder):
        if isinstance(decoded, Refusal):
            yield decoded
            continue
        context = MapContext(SENDER, ResourceIds(KEY), CLOCK, parents)
        try:
            mapped = pack.map(decoded, context, account=account)
        except Refusal as refusal:
            yield refusal
            continue
        parents |= {state.resource_id: state.state for event in mapped.events for state in event.states}
        yield decoded, mapped


def _outcome(pack: CompiledPack, folder: Path, known: dict[str, ParentState]) -> Json:
    return _plain_outcome(_runs(pack, folder, known))


def _plain_outcome(runs: Iterable[tuple[Decoded, Mapped] | Refusal]) -> Json:
    """What the sample's messages give, as plain JSON."""
    found: dict[str, Any] = {}
    for run in runs:
        if isinstance(run, Refusal):
            found.setdefault("refused", []).extend(_issues(run))
        else:
            _add(found, run[1])
    return orjson.loads(orjson.dumps(found, default=_plain))


def _add(found: dict[str, Any], mapped: Mapped) -> None:
    found.setdefault("events", []).extend(
        {
            "type": event.type,
            "happened": rfc3339(event.happened),
            "subject": event.subject,
            "prior": event.prior,
            **({"also": event.also} if event.also else {}),
            "bundle": event.bundle,
        }
        for event in mapped.events
    )
    found.setdefault("issues", []).extend({"code": str(i.code), "path": i.path} for i in mapped.issues)
    found.setdefault("unmapped", []).extend(mapped.unmapped)


def _issues(refusal: Refusal) -> list[dict[str, str]]:
    return [{"code": str(issue.code), "path": issue.path} for issue in refusal.issues]


def _plain(value: object) -> Any:
    """A Decimal as JSON, with the digits it was written with."""
    return orjson.Fragment(str(value))


def _messages(pack: CompiledPack, folder: Path) -> Iterator[Decoded | Refusal]:
    files = sorted(folder.glob("message.*"))
    for file in files[:1]:
        body = file.read_bytes()
        content_type = _CONTENT_TYPES[file.suffix]
        if file.suffix == ".json" and pack.format is Format.FHIR:
            content_type = "application/fhir+json"
        parts = formats.split(body, content_type)
        for part in [body] if parts is None else [p.body for p in parts]:
            try:
                yield formats.decode(part, pack.format)
            except Refusal as refusal:
                yield refusal


def _differences(pack: CompiledPack, folder: Path, known: dict[str, ParentState]) -> Iterator[str]:
    if not list(folder.glob("message.*")):
        yield f"the sample has no message: add message{_suffix(pack.format)}"
        return
    outcome = _outcome(pack, folder, known)
    golden = folder / "expected.json"
    if golden.is_file():
        yield from compared(orjson.loads(golden.read_bytes()), outcome)
    else:
        yield f"the sample has no expectation: look at what comes, then `carehub packs test {pack.name} --accept`"
    yield from asserted(folder, outcome)
    yield from _invalid(outcome, pack.format)


def _invalid(outcome: Json, form: Format) -> Iterator[str]:
    """What the gateway would refuse an event for, also one that is as expected."""
    for number, event in enumerate(outcome.get("events", ())):
        for issue in (found for judge in judges_of(form) for found in judge(event["bundle"])):
            yield f"events[{number}] is not FHIR R4: {issue.path}: {issue.text}"


def _suffix(form: Format) -> str:
    return {Format.HL7V2: ".hl7", Format.CSV: ".csv"}.get(form, ".json")
