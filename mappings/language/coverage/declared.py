"""What a pack maps of all that its format may say, without any message; and how much of that its samples use."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mappings.language.build import Built, build
from mappings.language.cache import Cache
from mappings.language.codes import Unknown
from mappings.language.fhir.model import is_resource, type_model
from mappings.language.packs import load_pack
from mappings.language.problems import Problems
from mappings.language.samples import accounted_samples
from mappings.language.source import word_of
from mappings.language.stack import layers_of
from mappings.stages import Format

_FIELD: Final = re.compile(r"(\w{3})(?:\[\d+\])?-(\d+)")


@dataclass(frozen=True, slots=True)
class Part:
    """A segment, or a message of rows, with its fields: those whose values go into events (`mapped`), of these the
    ones that no sample uses (`unused`), those that only conditions look at (`tested`), and the rest (`unmapped`)."""

    name: str
    mapped: tuple[str, ...]
    unused: tuple[str, ...]
    tested: tuple[str, ...]
    unmapped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """The elements of a resource type that the pack fills, `of` how many that FHIR has."""

    resource: str
    elements: tuple[str, ...]
    of: int


@dataclass(frozen=True, slots=True)
class CodeRows:
    """A code list: its rows, those not verified, what becomes of a code that is not in it, and how many such codes the
    samples bring."""

    name: str
    rows: int
    unverified: int
    unknown: str
    unmapped: int


@dataclass(frozen=True, slots=True)
class Declared:
    samples: int
    parts: tuple[Part, ...]
    resources: tuple[Filled, ...]
    codes: tuple[CodeRows, ...]


def declared(name: str, search: Sequence[Path] = (), cache: Cache | None = None) -> Declared:
    """Raises PackError for a pack that does not compile."""
    pack = load_pack(name, search, cache)
    built = build(layers_of(name, search, Problems()), Problems())
    used: set[str] = set()
    unmapped: Counter[str] = Counter()
    samples = 0
    for sample in accounted_samples(pack, search):
        samples += 1
        for _, mapped in sample.messages:
            used |= set(mapped.used)
            unmapped.update(issue.code_list for issue in mapped.issues if issue.code_list)
    parts = _segments(built, used) if pack.format is Format.HL7V2 else _messages(built, used)
    return Declared(samples, tuple(parts), tuple(_resources(built)), tuple(_codes(built, unmapped)))


def _segments(built: Built, used: set[str]) -> Iterator[Part]:
    exercised = {(found[1], int(found[2])) for found in map(_FIELD.match, used) if found}
    for segment in sorted({segment for segment, _ in built.reads.fields}):
        known = [n for n in range(1, built.hl7.last_field(segment) + 1) if built.hl7.field(segment, n)]
        fields = {n: f"{segment}-{n}" for n in known}
        mapped = [n for n in known if (segment, n) in built.reads.fields]
        tested = [n for n in known if n not in mapped and (segment, n) in built.reads.tested]
        yield Part(
            segment,
            tuple(fields[n] for n in mapped),
            tuple(fields[n] for n in mapped if (segment, n) not in exercised),
            tuple(fields[n] for n in tested),
            tuple(fields[n] for n in known if n not in mapped and n not in tested),
        )


def _messages(built: Built, used: set[str]) -> Iterator[Part]:
    """Columns and members; those that hold in every message stand under each that there is."""
    words = {word_of(path) for path in used}
    for message in sorted(built.program.messages if built.program else ()):
        known = [field.name for field in built.rows.of(message).values()]
        mapped = [name for name in known if {(message, name), ("", name)} & built.reads.columns]
        tested = [name for name in known if name not in mapped and (message, name) in built.reads.tested]
        yield Part(
            message,
            tuple(mapped),
            tuple(name for name in mapped if word_of(name) not in words),
            tuple(tested),
            tuple(name for name in known if name not in mapped and name not in tested),
        )


def _resources(built: Built) -> Iterator[Filled]:
    found: dict[str, set[str]] = defaultdict(set)
    for kind, element in built.reads.elements:
        if is_resource(kind):
            found[kind].add(element)
    for kind in sorted(found):
        model = type_model(kind)
        names = set(model.suggestions()) - {"resourceType"} if model is not None else set()
        choices = {e.choice: f"{e.choice}[x]" for e in model.elements.values() if e.choice} if model is not None else {}
        single = {e.name: choices[e.choice] for e in model.elements.values() if e.choice} if model is not None else {}
        filled = sorted({single.get(name, name) for name in found[kind] if not name.startswith("_")} - {"id"})
        yield Filled(kind, tuple(filled), len({single.get(name, name) for name in names} - {"id"}))


def _codes(built: Built, unmapped: Counter[str]) -> Iterator[CodeRows]:
    for name, codes in sorted(built.codes.items()):
        policy = f"{codes.unknown} {codes.fixed}" if codes.unknown is Unknown.FIXED else str(codes.unknown)
        yield CodeRows(name, len(codes.targets), len(codes.unverified & codes.targets.keys()), policy, unmapped[name])
