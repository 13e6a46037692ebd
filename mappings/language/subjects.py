"""What an author calls by name or by folder: a pack, a version of it, or an overlay; and where each of them runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mappings.language.folder import (
    Layer,
    Manifest,
    Overlay,
    editions,
    fits,
    is_overlay,
    pack_folders,
    read_manifest,
    read_overlay,
)
from mappings.language.problems import Place, Problems
from mappings.language.stack import ANYWHERE, Catalogue, Locality, add_unfit, layers_of


@dataclass(frozen=True, slots=True)
class Subject:
    """`root` is its folder, `pack` the pack that runs, `locality` where: an overlay lies over its pack alone."""

    root: Path
    pack: str
    locality: Locality


def subjects(search: Sequence[Path]) -> dict[str, Subject]:
    """Every pack by its name, and every overlay that can be read by the name of its folder."""
    found = {name: Subject(root, name, ANYWHERE) for name, root in pack_folders(search).items()}
    for folder in Catalogue(search).overlays:
        if isinstance(overlay := folder.manifest, Overlay):
            found.setdefault(folder.root.name, Subject(folder.root, overlay.pack, home_of(overlay, search)))
    return found


def home_of(overlay: Overlay, search: Sequence[Path]) -> Locality:
    """Where an overlay lies over its pack alone, in the first version that it fits."""
    problems = Problems()
    manifests = (read_manifest(root, problems) for root in editions(search).get(overlay.pack, ()))
    pins = next(({m.name: m.version} for m in manifests if m and fits(m.version, overlay.wanted)), {})
    return Locality((overlay.name,), None, pins) if overlay.kind == "place" else Locality((), overlay.name, pins)


def layers_with(
    folder: Path, name: str, search: Sequence[Path], problems: Problems, locality: Locality = ANYWHERE
) -> list[Layer]:
    """The layers of a pack with what stands in a folder: a version of it, or an overlay in place of its owner's own.
    Empty, with problems added, when the folder is neither."""
    if not (folder / "pack.yaml").is_file():
        problems.add(Place(f"{folder.name}/pack.yaml"), "there is no such file", "name the folder of a pack or overlay")
        return []
    if not is_overlay(folder):
        manifest = read_manifest(folder, problems)
        pins = {**locality.pins, name: manifest.version if manifest is not None else ""}
        found = layers_of(name, [folder.parent, *search], problems, replace(locality, pins=pins))
        if found and not any(layer.root == folder for layer in found):
            problems.add(Place(f"{folder.name}/pack.yaml"), f"the folder is no version of {name}")
        return found
    overlay = read_overlay(folder, problems)
    if overlay is None:
        return []
    if overlay.pack != name:
        problems.add(overlay.place, f"the overlay lies over {overlay.pack}, not over {name}")
        return []
    if not fits(locality.pins.get(name, ""), overlay.wanted):
        locality = replace(locality, pins={**locality.pins, **home_of(overlay, search).pins})
    around = [layer for layer in layers_of(name, search, problems, locality) if not _same_owner(layer, overlay)]
    version = next((layer.manifest.version for layer in reversed(around) if isinstance(layer.manifest, Manifest)), "")
    if version and not fits(version, overlay.wanted):
        add_unfit(problems, [overlay], version)
    return [*around, Layer(folder, overlay)] if around and not problems.errors else []


def _same_owner(layer: Layer, overlay: Overlay) -> bool:
    known = layer.manifest
    return isinstance(known, Overlay) and (known.kind, known.name) == (overlay.kind, overlay.name)
