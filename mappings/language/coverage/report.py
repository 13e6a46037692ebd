"""A pack's score against a guide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.errors import Misconfigured
from mappings.language.build import build
from mappings.language.cache import Cache
from mappings.language.coverage import exclusions
from mappings.language.coverage.conditions import is_clear
from mappings.language.coverage.evidence import Evidence
from mappings.language.coverage.facts import Fact, Reading, facts_of, readings_of
from mappings.language.coverage.guide import Guide, Row, read_guide
from mappings.language.packs import load_pack
from mappings.language.problems import Problems
from mappings.language.samples import accounted_samples
from mappings.language.stack import layers_of
from mappings.stages import Format

NO_ELEMENT: Final = "the target is no element of FHIR R4"
NOT_EXERCISED: Final = "no sample has it"
NOT_THERE: Final = "its value does not stand at the target"


@dataclass(frozen=True, slots=True)
class TableScore:
    """One table of the guide. `rows` are all with an attribute, `counted` those not left out."""

    table: str
    rows: int
    counted: int
    covered: int


@dataclass(frozen=True, slots=True)
class RowNote:
    """A row, what is to be said of it, and the condition it stands under."""

    row: str
    note: str
    condition: str


@dataclass(frozen=True, slots=True)
class GuideScore:
    """`left_out` are excluded rows with their reasons, `missing` the uncovered ones with why. `unclear` are rows whose
    condition cannot be read, so that it counts as fulfilled. `unused` are tables that are not in question, with the
    number of their rows. `failing` are samples that do not give what is expected of them, so that they prove nothing.
    `mistakes` are those of the file of exclusions."""

    tables: tuple[TableScore, ...]
    left_out: tuple[RowNote, ...]
    missing: tuple[RowNote, ...]
    unclear: tuple[RowNote, ...]
    unused: tuple[tuple[str, int], ...]
    failing: tuple[str, ...]
    samples: int
    mistakes: tuple[str, ...]

    @property
    def counted(self) -> int:
        return sum(table.counted for table in self.tables)

    @property
    def covered(self) -> int:
        return sum(table.covered for table in self.tables)

    @property
    def percent(self) -> float:
        return percent(self.covered, self.counted)


def percent(part: int, whole: int) -> float:
    """To one decimal, downwards, so that 100 means all."""
    return int(1000 * part / whole) / 10 if whole else 100.0


def score(names: Sequence[str], folder: Path, search: Sequence[Path] = (), cache: Cache | None = None) -> GuideScore:
    """Of these packs together: their samples against the tables of all segments that their message files use.

    Raises Misconfigured for a folder that is no guide, or a pack of another format; PackError for one that does not
    compile.
    """
    layers = [layers_of(name, search, Problems()) for name in names]
    known = dict.fromkeys(layer.root / exclusions.NAME for each in layers for layer in each)
    excluded = [each for file in known for each in exclusions.read_exclusions(file)]
    guide = read_guide(folder, exclusions.corrections(excluded))
    facts: list[Fact] = []
    readings: list[Reading] = []
    failing: list[str] = []
    segments: set[str] = set()
    samples = 0
    for name in names:
        pack = load_pack(name, search, cache)
        if pack.format is not Format.HL7V2:
            raise Misconfigured(f"the pack {name} reads {pack.format}, and the guide's tables are of hl7v2")
        for sample in accounted_samples(pack, search):
            samples += 1
            if not sample.expected:
                failing.append(f"{name}/{sample.name}")
                continue
            for decoded, mapped in sample.messages:
                facts += facts_of(decoded.tree, mapped)
                readings += readings_of(decoded.tree)
        built = build(layers_of(name, search, Problems()), Problems(), runs=False)
        segments |= {segment for segment, _ in built.reads.fields}
    evidence = Evidence(facts, readings, built.hl7, guide)
    return _scored(guide, evidence, excluded, segments, (samples, failing))


def _scored(
    guide: Guide,
    evidence: Evidence,
    excluded: list[exclusions.Exclusion],
    segments: set[str],
    samples: tuple[int, list[str]],
) -> GuideScore:
    in_use = guide.in_use(segments)
    covered = {row.id: evidence.covers(row) for row in guide.rows()}
    reasons = exclusions.reasons(excluded, covered)
    rows = [row for row in guide.rows() if row.table in in_use]
    counted = [row for row in rows if row.id not in reasons]
    return GuideScore(
        tuple(_table(table, guide.tables[table], reasons, covered) for table in in_use),
        tuple(_note(row, reasons[row.id]) for row in rows if row.id in reasons),
        tuple(_note(row, _why(row, evidence)) for row in counted if not covered[row.id]),
        tuple(_note(row, "") for row in counted if not is_clear(row.condition, row.source)),
        tuple((name, len(rows)) for name, rows in guide.tables.items() if name not in in_use and rows),
        tuple(samples[1]),
        samples[0],
        tuple(exclusions.mistakes(excluded, covered)),
    )


def _table(table: str, rows: Iterable[Row], reasons: dict[str, str], covered: dict[str, bool]) -> TableScore:
    ids = [row.id for row in rows]
    counted = [row for row in ids if row not in reasons]
    return TableScore(table, len(ids), len(counted), sum(covered[row] for row in counted))


def _note(row: Row, text: str) -> RowNote:
    return RowNote(row.id, text, row.condition)


def _why(row: Row, evidence: Evidence) -> str:
    if not row.hops:
        return NO_ELEMENT
    return NOT_THERE if evidence.exercises(row) else NOT_EXERCISED
