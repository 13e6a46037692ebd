"""The layers that lie over one another where a pack runs: packs along `extends:`, then the overlays of the places that
the source lies in, widest first, then its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mappings.language.folder import (
    Layer,
    Manifest,
    Overlay,
    editions,
    fits,
    folders_with_manifest,
    is_overlay,
    manifest_text,
    read_manifest,
    read_overlay,
)
from mappings.language.problems import PackProblem, Place, Problems, did_you_mean

_CLAIM: Final = re.compile(r"^(overlay|place|source)[ \t]*:[ \t]*[\"']?([\w-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Locality:
    """Where a pack runs. `places` are those that the source lies in, widest first; `pins` the versions that they hold
    to, by pack."""

    places: tuple[str, ...] = ()
    source: str | None = None
    pins: Mapping[str, str] = field(default_factory=dict)

    def owners(self) -> list[tuple[str, str]]:
        """Whose overlays apply, in this order."""
        return [*(("place", code) for code in self.places), *([("source", self.source)] if self.source else [])]


ANYWHERE: Final = Locality()
"""Where no overlay applies and nothing is pinned."""


def layers_of(name: str, search: Sequence[Path], problems: Problems, locality: Locality = ANYWHERE) -> list[Layer]:
    """The layers of a pack, base first. Empty, with problems added, when one that belongs there cannot be had."""
    packs = _packs(name, search, problems, locality.pins)
    if not packs:
        return []
    before = len(problems.errors)
    overlays = _overlays(packs[-1], search, problems, locality)
    layers = [*packs, *overlays]
    for position, layer in enumerate(layers):
        if any(below.root.name == layer.root.name for below in layers[:position]):
            said = f"two folders called {layer.root.name} lie over one another"
            problems.add(layer.manifest.place, said, "rename the overlay's folder: mistakes are told by it")
    return [] if len(problems.errors) > before else layers


def overlays_in(search: Sequence[Path]) -> tuple[list[Layer], list[PackProblem]]:
    """Every overlay on the search path, and what is wrong with those that cannot be read."""
    problems = Problems()
    found = [Layer(root, overlay) for root in _roots(search) if (overlay := read_overlay(root, problems))]
    return found, problems.found


def home_of(overlay: Overlay, search: Sequence[Path]) -> Locality:
    """Where an overlay lies over its pack alone, in the first version that it fits."""
    problems = Problems()
    manifests = (read_manifest(root, problems) for root in editions(search).get(overlay.pack, ()))
    pins = next(({m.name: m.version} for m in manifests if m and fits(m.version, overlay.wanted)), {})
    return Locality((overlay.name,), None, pins) if overlay.kind == "place" else Locality((), overlay.name, pins)


def _roots(search: Sequence[Path]) -> Iterable[Path]:
    """Folders of overlays; one of the same name earlier on the search path takes the place of those after it."""
    found: dict[str, Path] = {}
    for root in folders_with_manifest(search):
        if is_overlay(root):
            found.setdefault(root.name, root)
    return found.values()


def _packs(name: str, search: Sequence[Path], problems: Problems, pins: Mapping[str, str]) -> list[Layer]:
    known = editions(search)
    found: list[Layer] = []
    wanted: tuple[str, str] | None = (name, "")
    asked = Place(f"{name}/pack.yaml")
    while wanted is not None:
        pack, versions = wanted
        if pack not in known:
            problems.add(asked, f"there is no pack `{pack}`", did_you_mean(pack, known) or _listed(known))
            return []
        layer = _edition(pack, known[pack], versions, pins.get(pack), asked, problems)
        if layer is None:
            return []
        if any(above.root == layer.root for above in found):
            problems.add(asked, f"pack {pack} extends itself")
            return []
        found.insert(0, layer)
        asked, wanted = layer.manifest.place, layer.manifest.extends if isinstance(layer.manifest, Manifest) else None
    return found


def _edition(
    pack: str, roots: Sequence[Path], versions: str, pin: str | None, asked: Place, problems: Problems
) -> Layer | None:
    """The pinned version of a pack, else the first that fits; `versions` is empty where all do."""
    read: list[Layer] = []
    for root in roots:
        mistakes = Problems()
        manifest = read_manifest(root, mistakes)
        if manifest is None and pin is None and not read:
            problems.found += [each for each in mistakes.found if each not in problems.found]
            return None
        if manifest is not None:
            read.append(Layer(root, manifest))
    there = ", ".join(layer.manifest.version for layer in read) or "none that can be read"
    if pin is not None:
        read = [layer for layer in read if layer.manifest.version == pin]
        if not read:
            said = f"{pack} {pin} is pinned, and it is not there"
            problems.add(asked, said, f"there are: {there}; put {pack}@{pin}/ on CAREHUB_PACKS, or pin another")
            return None
    found = next((layer for layer in read if not versions or fits(layer.manifest.version, versions)), None)
    if found is None:
        pinned = " (pinned)" if pin is not None else ""
        problems.add(asked, f"pack {pack} is version {pin or there}{pinned}", f"`extends` asks for {versions}")
    return found


def _overlays(pack: Layer, search: Sequence[Path], problems: Problems, locality: Locality) -> list[Layer]:
    """Of each owner the overlay that fits the pack. One that is there and cannot be used is a mistake: to leave it out
    would publish what its owner holds back."""
    name, version = pack.manifest.name, pack.manifest.version
    owned: dict[tuple[str, str], list[Layer]] = {owner: [] for owner in locality.owners()}
    for root in _roots(search) if owned else ():
        mistakes = Problems()
        overlay = read_overlay(root, mistakes)
        of, owner = (overlay.pack, (overlay.kind, overlay.name)) if overlay else _claimed(root)
        if of != name or owner not in owned:
            continue
        problems.found += [each for each in mistakes.found if each not in problems.found]
        if overlay is not None:
            owned[owner].append(Layer(root, overlay))
    found: list[Layer] = []
    for (kind, code), layers in owned.items():
        fitting = [layer for layer in layers if _wanted(layer, version)]
        if len(fitting) > 1:
            others = " and ".join(layer.root.name for layer in fitting)
            said = f"the folders {others} are both the overlay of {kind} {code} for {name} {version}"
            problems.add(fitting[1].manifest.place, said, "keep one, or give them different versions of the pack")
        elif layers and not fitting:
            ranges = " and ".join(layer.manifest.wanted for layer in layers if isinstance(layer.manifest, Overlay))
            said = f"the overlay of {kind} {code} is for {name} {ranges}, and here runs {version}"
            advice = f"to adopt it, write `overlay: {name} {version}`; to stay, pin the version: carehub places pin"
            problems.add(layers[0].manifest.place, said, advice)
        found += fitting
    return found


def _wanted(layer: Layer, version: str) -> bool:
    return isinstance(layer.manifest, Overlay) and fits(version, layer.manifest.wanted)


def _claimed(root: Path) -> tuple[str, tuple[str, str]]:
    """Whose overlay a manifest with mistakes is meant to be: its lines say so, if they can be read at all."""
    said = dict(_CLAIM.findall(manifest_text(root)))
    kind = "place" if "place" in said else "source"
    return said.get("overlay", ""), (kind, said.get(kind, ""))


def _listed(known: Iterable[str]) -> str:
    names = ", ".join(sorted(known))
    return f"known packs: {names}" if names else "no folder of the search path holds a pack"
