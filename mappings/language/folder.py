"""Pack folders: finding them, reading the manifest, and the layers that lie over one another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.topics import Sector
from mappings.language.nodes import Mapping, Node, Scalar, read_yaml
from mappings.language.nodes import Sequence as NodeSequence
from mappings.language.problems import Place, Problems, did_you_mean
from mappings.stages import Format

LANGUAGE = "1"
BUILT_IN = Path(__file__).parent.parent / "packs"
KEYS = ("pack", "version", "language", "format", "sector", "extends", "recognise", "kind", "from")


@dataclass(frozen=True, slots=True)
class Manifest:
    """`pack.yaml`. `recognise` and `kind` are expressions, None where they are not given, as is `sector`."""

    name: str
    version: str
    format: Format
    sector: Sector | None
    extends: tuple[str, str] | None
    recognise: Scalar | None
    kind: Scalar | None
    facts: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Layer:
    """One folder of the stack: a pack, and later a place's or source's overlay."""

    root: Path
    manifest: Manifest

    def file(self, relative: str) -> tuple[str, str] | None:
        """(shown name, text) of a file of this layer."""
        path = self.root / relative
        return (f"{self.root.name}/{relative}", path.read_text(encoding="utf-8-sig")) if path.is_file() else None

    def under(self, folder: str, suffix: str) -> Iterator[str]:
        """Relative names of the files below a folder, sorted."""
        base = self.root / folder
        if base.is_dir():
            yield from sorted(p.relative_to(self.root).as_posix() for p in base.rglob(f"*{suffix}") if p.is_file())


def pack_folders(search: Sequence[Path]) -> dict[str, Path]:
    """Every folder with a `pack.yaml`, by name; the first folder of the search path that has one wins."""
    found: dict[str, Path] = {}
    for folder in (*search, BUILT_IN):
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                if (path / "pack.yaml").is_file():
                    found.setdefault(path.name, path)
    return found


def layers_of(name: str, search: Sequence[Path], problems: Problems) -> list[Layer]:
    """The pack's layers, base first. Empty when the pack or what it extends cannot be found."""
    folders = pack_folders(search)
    found: list[Layer] = []
    wanted: str | None = name
    asked = Place(f"{name}/pack.yaml")
    version = ""
    while wanted is not None:
        root = folders.get(wanted)
        if root is None:
            problems.add(asked, f"there is no pack `{wanted}`", did_you_mean(wanted, folders) or _known(folders))
            return []
        manifest = read_manifest(root, problems)
        if manifest is None:
            return []
        if version and not _fits(manifest.version, version):
            problems.add(asked, f"pack {wanted} is version {manifest.version}", f"`extends` asks for {version}")
        if any(layer.root == root for layer in found):
            problems.add(asked, f"pack {wanted} extends itself")
            return []
        found.insert(0, Layer(root, manifest))
        asked = manifest.place
        wanted, version = manifest.extends or (None, "")
    return found


def _known(folders: dict[str, Path]) -> str:
    return f"known packs: {', '.join(sorted(folders))}" if folders else "no folder of the search path holds a pack"


def _fits(version: str, wanted: str) -> bool:
    pattern = re.escape(wanted).replace("x", r"\d+(?:\.\d+)*")
    return re.fullmatch(pattern, version) is not None


def read_manifest(root: Path, problems: Problems) -> Manifest | None:
    """`pack.yaml` of a folder; None, with problems added, when it cannot be used."""
    shown = f"{root.name}/pack.yaml"
    node = read_yaml((root / "pack.yaml").read_text(encoding="utf-8-sig"), shown, problems)
    if not isinstance(node, Mapping):
        return None
    for entry in node:
        if entry.key.text not in KEYS:
            advice = did_you_mean(entry.key.text, KEYS)
            problems.add(entry.key.place, f"pack.yaml has no `{entry.key.text}`", advice)
    before = len(problems.errors)
    name, version = _word(node, "pack", problems), _word(node, "version", problems)
    language, kind = _word(node, "language", problems), _word(node, "format", problems)
    if name and name != root.name:
        problems.add(node.place, f"the pack is called {name}, its folder {root.name}", "give both the same name")
    if language and language != LANGUAGE:
        problems.add(node.place, f"language {language} is not known here", f"write `language: {LANGUAGE}`")
    if kind and kind not in set(Format):
        problems.add(node.place, f"there is no format `{kind}`", f"one of {', '.join(Format)}")
    if len(problems.errors) > before:
        return None
    return Manifest(
        name,
        version,
        Format(kind),
        _sector(node, problems),
        _extends(node, problems),
        _scalar(node.get("recognise")),
        _scalar(node.get("kind")),
        _facts(node.get("from")),
        node.place,
    )


def _word(node: Mapping, key: str, problems: Problems) -> str:
    found = node.get(key)
    if not isinstance(found, Scalar):
        problems.add(node.place, f"pack.yaml says no `{key}`", f"write `{key}: …`")
        return ""
    return found.text


def _sector(node: Mapping, problems: Problems) -> Sector | None:
    """The sector that the format's senders usually belong to; a registered source says its own."""
    found = node.get("sector")
    if not isinstance(found, Scalar):
        return None
    if found.text not in set(Sector):
        problems.add(found.place, f"there is no sector `{found.text}`", f"one of {', '.join(Sector)}")
        return None
    return Sector(found.text)


def _extends(node: Mapping, problems: Problems) -> tuple[str, str] | None:
    found = node.get("extends")
    if not isinstance(found, Scalar):
        return None
    name, _, version = found.text.partition(" ")
    if not version:
        problems.add(found.place, "`extends` says no version", f"write `extends: {name} 1.x`")
    return name, version


def _scalar(node: Node | None) -> Scalar | None:
    return node if isinstance(node, Scalar) else None


def _facts(node: Node | None) -> tuple[str, ...]:
    if isinstance(node, NodeSequence):
        return tuple(item.text for item in node.items if isinstance(item, Scalar))
    return (node.text,) if isinstance(node, Scalar) else ()
