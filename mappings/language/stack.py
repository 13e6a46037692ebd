"""The layers that lie over one another where a pack runs: packs along `extends:`, then the overlays of the places that
the source lies in, widest first, then its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mappings.language.changes import changes_of
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
from mappings.language.nodes import Scalar
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
    return Catalogue(search).layers(name, problems, locality)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with a manifest, None where it cannot be used; `problems` say why. `owner` is whose overlay it is, or is
    meant to be: pack, kind and code, each empty where nothing says it."""

    root: Path
    manifest: Manifest | Overlay | None
    problems: tuple[PackProblem, ...]
    owner: tuple[str, str, str] = ("", "", "")


class Catalogue:
    """The packs and overlays of a search path, as they stood when it was made. Of two overlay folders of one name the
    first on the path counts."""

    def __init__(self, search: Sequence[Path]) -> None:
        self.packs = {name: [_pack(root) for root in roots] for name, roots in editions(search).items()}
        overlays: dict[str, Folder] = {}
        for root in folders_with_manifest(search):
            if is_overlay(root) and root.name not in overlays:
                overlays[root.name] = _overlay(root)
        self.overlays = tuple(overlays.values())

    def layers(self, name: str, problems: Problems, locality: Locality = ANYWHERE) -> list[Layer]:
        """As layers_of."""
        packs = self._packs(name, problems, locality.pins)
        if not packs:
            return []
        before = len(problems.errors)
        layers = [*packs, *self._overlays(packs[-1], problems, locality)]
        for position, layer in enumerate(layers):
            if any(below.root.name == layer.root.name for below in layers[:position]):
                said = f"two folders called {layer.root.name} lie over one another"
                problems.add(layer.manifest.place, said, "rename the overlay's folder: mistakes are told by it")
        return [] if len(problems.errors) > before else layers

    def versions(self, name: str) -> list[str]:
        """The versions of a pack that can be read, the one that runs without a pin first."""
        return [folder.manifest.version for folder in self.packs.get(name, ()) if folder.manifest is not None]

    @property
    def nobodys(self) -> list[Folder]:
        """Overlays whose manifest is so wrong that nobody can say whose they are."""
        return [folder for folder in self.overlays if folder.manifest is None and not all(folder.owner)]

    def _packs(self, name: str, problems: Problems, pins: Mapping[str, str]) -> list[Layer]:
        found: list[Layer] = []
        wanted: tuple[str, str] | None = (name, "")
        asked = Place(f"{name}/pack.yaml")
        while wanted is not None:
            pack, versions = wanted
            if pack not in self.packs:
                problems.add(asked, f"there is no pack `{pack}`", did_you_mean(pack, self.packs) or _listed(self.packs))
                return []
            layer = _edition(pack, self.packs[pack], versions, pins.get(pack), asked, problems)
            if layer is None:
                return []
            if any(above.root == layer.root for above in found):
                problems.add(asked, f"pack {pack} extends itself")
                return []
            found.insert(0, layer)
            asked = layer.manifest.place
            wanted = layer.manifest.extends if isinstance(layer.manifest, Manifest) else None
        return found

    def _overlays(self, pack: Layer, problems: Problems, locality: Locality) -> list[Layer]:
        """Of each owner the overlay that fits the pack. One that is there and cannot be used is a mistake: to leave it
        out would publish what its owner holds back."""
        name, version = pack.manifest.name, pack.manifest.version
        found: list[Layer] = []
        for kind, code in locality.owners():
            theirs = [folder for folder in self.overlays if folder.owner == (name, kind, code)]
            for folder in theirs:
                problems.take(folder.problems)
            known = [(folder.root, folder.manifest) for folder in theirs if isinstance(folder.manifest, Overlay)]
            fitting = [Layer(root, overlay) for root, overlay in known if fits(version, overlay.wanted)]
            if len(fitting) > 1:
                _add_double(problems, fitting[0], fitting[1], f"{kind} {code} for {name} {version}")
            elif known and not fitting:
                add_unfit(problems, [overlay for _, overlay in known], version)
            found += fitting
        return found


def add_unfit(problems: Problems, overlays: Sequence[Overlay], version: str) -> None:
    """That none of an owner's overlays of a pack is for the version that runs."""
    first = overlays[0]
    ranges = " and ".join(overlay.wanted for overlay in overlays)
    said = f"the overlay of {first.kind} {first.name} is for {first.pack} {ranges}, and here runs {version}"
    adopt = f"to adopt it, write `overlay: {first.pack} {version.partition('.')[0]}.x`"
    problems.add(first.place, said, f"{adopt}; to stay with another: carehub places pin PLACE {first.pack} VERSION")


def _add_double(problems: Problems, first: Layer, second: Layer, owner: str) -> None:
    """That an owner has two overlays at once; where both change the same, there."""
    said = f"the folders {first.root.name} and {second.root.name} are both the overlay of {owner}"
    theirs = {(file, path.text): path for file, path in _paths(second)}
    same = [(path, theirs[file, path.text]) for file, path in _paths(first) if (file, path.text) in theirs]
    for path, other in same:
        advice = "a place or source has one overlay of a pack: put both into one folder, and say there which is meant"
        problems.add(
            other.place, f"`{path.text}` is changed in {path.place.file}:{path.place.line} too: {said}", advice
        )
    if not same:
        problems.add(
            second.manifest.place, said, "put both into one folder, or give them different versions of the pack"
        )


def _paths(layer: Layer) -> list[tuple[str, Scalar]]:
    return [(file, change.path) for file, change in changes_of(layer, {})]


def _pack(root: Path) -> Folder:
    mistakes = Problems()
    return Folder(root, read_manifest(root, mistakes), tuple(mistakes.found))


def _overlay(root: Path) -> Folder:
    mistakes = Problems()
    overlay = read_overlay(root, mistakes)
    owner = (overlay.pack, overlay.kind, overlay.name) if overlay else _claimed(root)
    return Folder(root, overlay, tuple(mistakes.found), owner)


def _claimed(root: Path) -> tuple[str, str, str]:
    """Whose overlay a manifest with mistakes is meant to be: its lines say so, if they can be read at all."""
    said = dict(_CLAIM.findall(manifest_text(root)))
    kind = "place" if "place" in said else "source"
    return said.get("overlay", ""), kind, said.get(kind, "")


def _edition(
    pack: str, folders: Sequence[Folder], versions: str, pin: str | None, asked: Place, problems: Problems
) -> Layer | None:
    """The pinned version of a pack, else the first that fits; `versions` is empty where all do."""
    if pin is None and folders[0].manifest is None:
        problems.take(folders[0].problems)
        return None
    read = [(folder.root, folder.manifest) for folder in folders if folder.manifest is not None]
    there = ", ".join(manifest.version for _, manifest in read) or "none that can be read"
    if pin is not None:
        read = [(root, manifest) for root, manifest in read if manifest.version == pin]
        if not read:
            said = f"{pack} {pin} is pinned, and it is not there"
            problems.add(asked, said, f"there are: {there}; put {pack}@{pin}/ on CAREHUB_PACKS, or pin another")
            return None
    found = next((Layer(*each) for each in read if not versions or fits(each[1].version, versions)), None)
    if found is None:
        pinned = " (pinned)" if pin is not None else ""
        problems.add(asked, f"pack {pack} is version {pin or there}{pinned}", f"`extends` asks for {versions}")
    return found


def _listed(known: Iterable[str]) -> str:
    names = ", ".join(sorted(known))
    return f"known packs: {names}" if names else "no folder of the search path holds a pack"
