"""Packs by name: found on the search path, and loaded compiled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mappings.language.cache import Cache
from mappings.language.folder import layers_of, pack_folders, read_manifest
from mappings.language.pack import CompiledPack, Version
from mappings.language.problems import PackError, PackProblem, Problems
from mappings.language.runtime.program import Program


def load_pack(name: str, search: Sequence[Path] = (), cache: Cache | None = None) -> CompiledPack:
    """The pack of that name from the search path, else from those built in; from the cache, where nothing that it is
    made of has changed.

    Raises PackError, whose text lists every mistake with its file, line and what to write.
    """
    problems = Problems()
    layers = layers_of(name, search, problems)
    if problems.errors or not layers:
        raise PackError(name, problems.errors)
    key = cache.key(layers) if cache else ""
    known = cache.get(key) if cache else None
    if known is not None:
        manifest, program = known
        return CompiledPack(manifest, program, lambda: _noting(name, search))
    from mappings.language.build import build

    built = build(layers, problems)
    if problems.errors or built.program is None:
        raise PackError(name, problems.errors)
    if cache is not None:
        cache.put(key, built.manifest, built.program)
    return CompiledPack(built.manifest, built.program, built.accounting)


def _noting(name: str, search: Sequence[Path]) -> Program:
    """The program that notes its reads, of a pack that came from the cache."""
    from mappings.language.build import build

    problems = Problems()
    layers = layers_of(name, search, problems)
    if problems.errors or not layers:
        raise PackError(name, problems.errors)
    return build(layers, problems).accounting()


def list_packs(search: Sequence[Path] = ()) -> list[Version]:
    """Name and version of every pack whose manifest can be read, by name."""
    found: list[Version] = []
    for name, root in sorted(pack_folders(search).items()):
        manifest = read_manifest(root, Problems())
        if manifest is not None:
            found.append(Version(name, manifest.version))
    return found


def lint_packs(search: Sequence[Path] = ()) -> list[PackProblem]:
    """Every mistake and warning of every pack on the search path and built in, each once."""
    from mappings.language.build import build

    found: dict[PackProblem, None] = {}
    for name in pack_folders(search):
        problems = Problems()
        layers = layers_of(name, search, problems)
        if layers:
            build(layers, problems)
        found |= dict.fromkeys(problems.found)
    return list(found)
