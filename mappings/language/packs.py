"""Packs by name: found on the search path, laid over one another for where they run, and loaded compiled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from mappings.language.cache import Cache, content_key
from mappings.language.folder import Layer, Manifest, Overlay, pack_folders, read_manifest
from mappings.language.pack import CompiledPack, Version
from mappings.language.problems import PackError, PackProblem, Place, Problems, did_you_mean
from mappings.language.runtime.program import Program
from mappings.language.stack import ANYWHERE, Catalogue, Locality, layers_of
from mappings.language.subjects import home_of
from mappings.restriction import RuleBook, RuleMistake, laid_over, national

RESTRICTION: Final = "restriction.yaml"
"""Where a layer says what else is to be held apart."""


def load_pack(
    name: str, search: Sequence[Path] = (), cache: Cache | None = None, locality: Locality = ANYWHERE
) -> CompiledPack:
    """The pack of that name from the search path, else from those built in, as it runs at `locality`; from the cache,
    where nothing that it is made of has changed.

    Raises PackError, whose text lists every mistake with its file, line and what to write.
    """
    problems = Problems()
    layers = layers_of(name, search, problems, locality)
    if problems.errors or not layers:
        raise PackError(name, problems.errors)
    return load_layers(layers, cache)


def load_layers(layers: list[Layer], cache: Cache | None = None, key: str | None = None) -> CompiledPack:
    """As load_pack, from the layers themselves, base first. `key` is their content key, where the caller knows it."""
    problems = Problems()
    rules = rules_of(layers, problems)
    key = key or (content_key(layers) if cache else "")
    known = cache.get(key) if cache and not problems.errors else None
    if known is not None:
        manifest, program = known
        return CompiledPack(manifest, program, rules, lambda: _noting(layers, manifest, cache, key))
    from mappings.language.build import build

    built = build(layers, problems)
    if problems.errors or built.program is None:
        raise PackError(built.manifest.name, problems.errors)
    if cache is not None and content_key(layers) == key:  # else somebody wrote to a file meanwhile
        cache.put(key, built.manifest, built.program)
    return CompiledPack(built.manifest, built.program, rules, lambda: _noting(layers, built.manifest, cache, key))


def _noting(layers: list[Layer], manifest: Manifest, cache: Cache | None, key: str) -> Program:
    """The program that notes its reads, kept in the cache beside the other."""
    known = cache.get(f"{key}-noting") if cache else None
    if known is not None:
        return known[1]
    from mappings.language.build import noting

    program = noting(layers)
    if cache is not None and content_key(layers) == key:
        cache.put(f"{key}-noting", manifest, program)
    return program


def rules_of(layers: Sequence[Layer], problems: Problems) -> RuleBook:
    """The national rules with what each layer's restriction.yaml adds."""
    rules = national()
    for layer in layers:
        file = layer.file(RESTRICTION)
        if file is None:
            continue
        shown, text = file
        try:
            rules = laid_over(rules, text, shown)
        except RuleMistake as mistake:
            lines = text.splitlines()
            line = lines[mistake.line - 1] if mistake.line <= len(lines) else ""
            place = Place(shown, mistake.line, mistake.column, line, len(line.rstrip()) - mistake.column + 1)
            problems.add(place, mistake.text, mistake.advice)
    return rules


def list_packs(search: Sequence[Path] = ()) -> list[Version]:
    """Name and version of every pack whose manifest can be read, by name."""
    found: list[Version] = []
    for name, root in sorted(pack_folders(search).items()):
        manifest = read_manifest(root, Problems())
        if manifest is not None:
            found.append(Version(name, manifest.version))
    return found


def lint_packs(
    search: Sequence[Path] = (), names: Collection[str] | None = None, cache: Cache | None = None
) -> list[PackProblem]:
    """Every mistake and warning of every pack and overlay on the search path and built in, each once. An overlay lies
    over its pack alone.

    With `names`, of those packs, and of overlays by the names of their folders; mistakes of the layers below them too,
    since they stop them.
    """
    catalogue = Catalogue(search)
    found: list[PackProblem] = []
    for name, folders in catalogue.packs.items():
        for folder in folders if names is None or name in names else ():
            version = folder.manifest.version if folder.manifest else None
            made = lint_pack(name, search, Locality(pins={name: version}) if version else ANYWHERE)
            found += _of(folder.root, [*folder.problems, *made], names)
    for folder in catalogue.overlays:
        if names is None or folder.root.name in names:
            found += _of(
                folder.root, [*folder.problems, *_lint_overlay(folder.manifest, catalogue, search, cache)], names
            )
    return list(dict.fromkeys(found))


def _of(root: Path, problems: Iterable[PackProblem], names: Collection[str] | None) -> Iterator[PackProblem]:
    """Of what was asked for by name, warnings of its own files alone."""
    own = f"{root.name}/"
    return (p for p in problems if names is None or not p.warning or p.place.file.startswith(own))


def _lint_overlay(
    overlay: Overlay | Manifest | None, catalogue: Catalogue, search: Sequence[Path], cache: Cache | None
) -> list[PackProblem]:
    if not isinstance(overlay, Overlay):
        return []
    if overlay.pack in catalogue.packs:
        from mappings.language.samples import sample_folders
        from mappings.language.strictness import looser_samples

        home = home_of(overlay, search)
        found = lint_pack(overlay.pack, search, home)
        if not all(problem.warning for problem in found):
            return found
        layers = catalogue.layers(overlay.pack, Problems(), home)
        folders = [folder for layer in layers[:-1] for folder in sample_folders(layer.manifest.name, search)]
        return [*found, *looser_samples(layers, folders, cache)]
    said = f"there is no pack `{overlay.pack}` to lie over"
    return [PackProblem(overlay.place, said, _near(overlay.pack, catalogue))]


def _near(pack: str, catalogue: Catalogue) -> str:
    return did_you_mean(pack, catalogue.packs) or f"there are: {', '.join(sorted(catalogue.packs))}"


def lint_pack(name: str, search: Sequence[Path] = (), locality: Locality = ANYWHERE) -> list[PackProblem]:
    """Every mistake and warning of a pack as it runs at `locality`."""
    from mappings.language.build import build
    from mappings.language.idle import lint_layers

    problems = Problems()
    layers = layers_of(name, search, problems, locality)
    if layers:
        rules_of(layers, problems)
        build(layers, problems, runs=False)
        if not problems.errors:
            lint_layers(layers, problems)
    return problems.found
