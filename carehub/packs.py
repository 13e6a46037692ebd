"""The mapping packs that this installation finds, described and judged for the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from carehub.errors import Declined
from carehub.settings import Settings, read_settings
from contract.errors import Misconfigured
from mappings.language import Cache, CompiledPack, Locality, PackError, lint_packs, list_packs, load_pack
from mappings.language.build import effective
from mappings.language.coverage.declared import declared
from mappings.language.coverage.report import score
from mappings.language.folder import Overlay
from mappings.language.packs import lint_pack
from mappings.language.problems import Problems, did_you_mean
from mappings.language.provenance import effective_parts
from mappings.language.samples import accept_samples, run_samples
from mappings.language.stack import ANYWHERE, Catalogue, layers_of
from mappings.language.subjects import subjects


def cache_of(settings: Settings) -> Cache | None:
    """Packs that this installation has compiled before. None where there is no installation yet: trying a message out
    makes no folder."""
    return Cache(settings.pack_cache) if settings.compiled_packs or settings.data.is_dir() else None


def described() -> list[dict[str, Any]]:
    """Every pack whose manifest can be read, by name."""
    return [describe(pack.name) for pack in list_packs(read_settings().packs)]


def describe(name: str) -> dict[str, Any]:
    """One pack as its manifest has it, and what lies under and over it. Raises Declined when there is none of that
    name, or it cannot be read."""
    search = read_settings().packs
    catalogue = Catalogue(search)
    layers = catalogue.layers(name, Problems())
    if not layers:
        known = ", ".join(pack.name for pack in list_packs(search))
        raise Declined(f"there is no pack {name} that can be read; there are: {known} (carehub packs lint)")
    manifest, root = effective(layers), layers[-1].root
    return {
        "pack": name,
        "version": manifest.version,
        "format": str(manifest.format),
        "extends": " ".join(manifest.extends) if manifest.extends else None,
        "messages": sorted(Path(file).stem for layer in layers for file in layer.under("messages", ".yaml")),
        "samples": len(list((root / "samples").glob("*/message.*"))),
        "from": list(manifest.facts),
        "folder": str(root),
        "layers": [layer.label for layer in layers],
        "versions": catalogue.versions(name),
        "overlays": [
            {
                "of": f"{overlay.kind} {overlay.name}",
                "version": overlay.version,
                "for": overlay.wanted,
                "folder": str(folder.root),
            }
            for folder in catalogue.overlays
            if isinstance(overlay := folder.manifest, Overlay) and overlay.pack == name
        ],
    }


def shown_mapping(name: str, part: str | None, locality: Locality, *, changed: bool) -> dict[str, Any]:
    """The mapping as it runs there, every line with its layer: all parts, or the one that is named. With `changed`,
    only parts of which an overlay says something.

    Raises Declined for a part that is not there, PackError for a pack that cannot run there.
    """
    problems = Problems()
    layers = layers_of(name, read_settings().packs, problems, locality)
    if problems.errors or not layers:
        raise PackError(name, problems.errors)
    parts = effective_parts(layers)
    overlays = {layer.label for layer in layers if isinstance(layer.manifest, Overlay)}
    if part is not None and part.removesuffix(".yaml") not in parts:
        near = did_you_mean(part, parts) or f"there are: {', '.join(parts)}"
        raise Declined(f"{name} has no part {part}; {near}")
    wanted = [part.removesuffix(".yaml")] if part is not None else list(parts)
    if changed:
        wanted = [each for each in wanted if any(line.layer in overlays for line in parts[each])]
    return {
        "pack": name,
        "version": effective(layers).version,
        "layers": [{"layer": layer.label, "folder": str(layer.root)} for layer in layers],
        "parts": [{"part": each, "lines": [asdict(line) for line in parts[each]]} for each in wanted],
    }


def problems_of(names: Sequence[str] | None, locality: Locality = ANYWHERE) -> list[dict[str, Any]]:
    """Mistakes and warnings of these packs and overlays, or of all. At a place or for a source, those of the packs as
    they run there: without names, of the packs that an overlay there lies over.

    Raises Declined for a name that no pack or overlay has.
    """
    settings = read_settings()
    search = settings.packs
    catalogue = Catalogue(search)
    overlays = {folder.root.name: folder for folder in catalogue.overlays}
    check_names(names, {*catalogue.packs, *overlays})
    if not locality.owners():
        found = lint_packs(search, names or None, cache_of(settings))
    else:
        over = sorted({folder.owner[0] for folder in overlays.values() if folder.owner[1:] in locality.owners()})
        asked = [overlays[name].owner[0] if name in overlays else name for name in names or over]
        found = [each for name in dict.fromkeys(asked) for each in lint_pack(name, search, locality)]
    return [
        {
            "file": each.place.file,
            "line": each.place.line,
            "column": each.place.column,
            "text": each.text,
            "advice": each.advice,
            "warning": each.warning,
            "used_by": [f"{use.file}:{use.line}" for use in each.uses],
            "layer": each.layer or None,
            "shown": str(each),
        }
        for each in found
    ]


def tried_samples(names: Sequence[str] | None) -> list[dict[str, Any]]:
    """Every sample of these packs and overlays, or of all, with the differences from what is expected. Raises Declined
    for a name that none has, Misconfigured for what does not compile."""
    settings = read_settings()
    search, cache = settings.packs, cache_of(settings)
    results = (each for name in _known(names, search) for each in run_samples(name, search, cache))
    return [{"pack": r.pack, "sample": r.sample, "ok": r.ok, "differences": list(r.differences)} for r in results]


def accept_samples_of(results: Sequence[Mapping[str, Any]]) -> None:
    """Writes what comes today as what is expected, for the samples of these results."""
    settings = read_settings()
    for pack in sorted({each["pack"] for each in results}):
        names = [each["sample"] for each in results if each["pack"] == pack]
        accept_samples(pack, settings.packs, names, cache_of(settings))


def declared_coverage(name: str) -> dict[str, Any]:
    """What the pack maps of its source, what it fills in FHIR, and its code lists. Raises Declined for a name that no
    pack has."""
    settings = read_settings()
    _known([name], settings.packs)
    return asdict(declared(name, settings.packs, cache_of(settings)))


def guide_coverage(names: Sequence[str], folder: Path) -> dict[str, Any]:
    """The packs' samples against a guide's tables, row by row. Raises Declined for a name that no pack has,
    Misconfigured for a folder that is no guide."""
    settings = read_settings()
    found = score(_known(names, settings.packs), folder, settings.packs, cache_of(settings))
    totals = {"counted": found.counted, "covered": found.covered, "percent": found.percent}
    return asdict(found) | totals


def _known(names: Sequence[str] | None, search: Sequence[Path]) -> Sequence[str]:
    known = sorted(subjects(search))
    check_names(names, known)
    return names or known


def check_names(names: Sequence[str] | None, known: Collection[str]) -> None:
    """Raises Declined for a name that no pack or overlay has."""
    if unknown := [name for name in names or () if name not in known]:
        raise Declined(f"there is no pack or overlay {', '.join(unknown)}; there are: {', '.join(sorted(known))}")


def sound_packs(settings: Settings, locality: Locality) -> tuple[list[CompiledPack], list[str]]:
    """Every pack that compiles as it runs there; one that builds on another stands before it, so that it is tried
    first. Second, the names of those that do not: the others are none the worse for it."""
    search, cache = settings.packs, cache_of(settings)
    depths = {name: len(layers_of(name, search, Problems())) for name, _ in list_packs(search)}
    sound, broken = [], []
    for name in sorted(depths, key=lambda name: (-depths[name], name)):
        try:
            sound.append(load_pack(name, search, cache, locality))
        except Misconfigured:
            broken.append(name)
    return sound, broken
