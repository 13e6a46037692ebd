"""Pack folders: finding them, reading the manifest, and the files of one layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.errors import Misconfigured
from contract.topics import Sector
from mappings.language.nodes import Mapping, Node, Scalar, read_yaml
from mappings.language.nodes import Sequence as NodeSequence
from mappings.language.problems import Place, Problems, did_you_mean
from mappings.stages import Format

LANGUAGE = "1"
BUILT_IN = Path(__file__).parent.parent / "packs"
KEYS = ("pack", "version", "language", "format", "sector", "extends", "recognise", "kind", "unreadable", "from")
OVERLAY_KEYS = ("overlay", "place", "source", "version", "language", "unreadable", "from")
LEAVE_OUT = "leave-out"
UNREADABLE = ("refuse", LEAVE_OUT)
"""What becomes of a value that is not what its element takes, where FHIR does not require the element."""

_RANGE = re.compile(r"\d+(\.\d+)*(\.x)?")
_OVERLAY = re.compile(r"^overlay[ \t]*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Manifest:
    """`pack.yaml`. `recognise` and `kind` are expressions, None where they are not given, as are `sector` and
    `unreadable`."""

    name: str
    version: str
    format: Format
    sector: Sector | None
    extends: tuple[str, str] | None
    recognise: Scalar | None
    kind: Scalar | None
    unreadable: str | None
    facts: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Overlay:
    """`pack.yaml` of a folder that lies over a pack for one place or source. `name` is the place's code or the source's
    id, `kind` says which (`place`, `source`), `wanted` are the versions of the pack that it fits."""

    name: str
    kind: str
    version: str
    pack: str
    wanted: str
    unreadable: str | None
    facts: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Layer:
    """One folder of the stack: a pack, or a place's or source's overlay."""

    root: Path
    manifest: Manifest | Overlay

    @property
    def label(self) -> str:
        """How people call it: `hl7v2-itk 1.0.0`, `qvv 2`."""
        return f"{self.manifest.name} {self.manifest.version}"

    def file(self, relative: str) -> tuple[str, str] | None:
        """(shown name, text) of a file of this layer. Raises Misconfigured when it is no text."""
        path, shown = self.root / relative, f"{self.root.name}/{relative}"
        try:
            return (shown, path.read_text(encoding="utf-8-sig")) if path.is_file() else None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise Misconfigured(f"{shown}:{line}: the file is not UTF-8: save it as UTF-8") from None

    def document(self, relative: str, problems: Problems) -> Node | None:
        """A YAML file of this layer; None where there is none, or it is no YAML: that is added to `problems`."""
        found = self.file(relative)
        return read_yaml(found[1], found[0], problems) if found is not None else None

    def under(self, folder: str, suffix: str) -> Iterator[str]:
        """Relative names of the files below a folder, sorted."""
        base = self.root / folder
        if base.is_dir():
            yield from sorted(p.relative_to(self.root).as_posix() for p in base.rglob(f"*{suffix}") if p.is_file())


def pack_folders(search: Sequence[Path]) -> dict[str, Path]:
    """Of every pack, by name, the folder that is used where no version is pinned."""
    return {name: folders[0] for name, folders in editions(search).items()}


def editions(search: Sequence[Path]) -> dict[str, list[Path]]:
    """Every folder of each pack, by name. First the one called like the pack, from the first folder of the search path
    that has one; `NAME@VERSION` stands beside it for those who pin that version, the highest first."""
    found: dict[str, list[Path]] = {}
    for path in folders_with_manifest(search):
        if not is_overlay(path):
            found.setdefault(path.name.partition("@")[0], []).append(path)
    return {name: sorted(paths, key=_order) for name, paths in found.items()}


def folders_with_manifest(search: Sequence[Path]) -> Iterator[Path]:
    """In the order of the search path, those that come along last."""
    for folder in (*search, BUILT_IN):
        if folder.is_dir():
            yield from (path for path in sorted(folder.iterdir()) if (path / "pack.yaml").is_file())


def is_overlay(root: Path) -> bool:
    """Also of a manifest that is no YAML: what is wrong with an overlay must not be said of a pack."""
    return _OVERLAY.search(manifest_text(root)) is not None


def manifest_text(root: Path) -> str:
    return (root / "pack.yaml").read_text(encoding="utf-8-sig", errors="replace")


def _order(root: Path) -> tuple[bool, list[int]]:
    version = root.name.partition("@")[2]
    return bool(version), [-int(number) for number in re.findall(r"\d+", version)]


def fits(version: str, wanted: str) -> bool:
    """Whether a version is one of those wanted: `1.x`, `1.2.x`, `1.2.3`."""
    pattern = re.escape(wanted).replace("x", r"\d+(?:\.\d+)*")
    return re.fullmatch(pattern, version) is not None


def read_manifest(root: Path, problems: Problems) -> Manifest | None:
    """`pack.yaml` of a pack's folder; None, with problems added, when it cannot be used."""
    node = _manifest_node(root, KEYS, problems)
    if node is None:
        return None
    before = len(problems.errors)
    name, version = _word(node, "pack", problems), _word(node, "version", problems)
    kind = _word(node, "format", problems)
    folder, _, stated = root.name.partition("@")
    if name and name != folder:
        problems.add(node.place, f"the pack is called {name}, its folder {folder}", "give both the same name")
    if version and stated and version != stated:
        problems.add(
            node.place, f"the pack is version {version}, its folder says {stated}", "give both the same version"
        )
    _check_language(node, problems)
    if kind and kind not in set(Format):
        problems.add(node.place, f"there is no format `{kind}`", f"one of {', '.join(Format)}")
    sector, extends, unreadable = _sector(node, problems), _extends(node, problems), _unreadable(node, problems)
    if len(problems.errors) > before:
        return None
    return Manifest(
        name,
        version,
        Format(kind),
        sector,
        extends,
        _scalar(node.get("recognise")),
        _scalar(node.get("kind")),
        unreadable,
        _facts(node.get("from")),
        node.place,
    )


def read_overlay(root: Path, problems: Problems) -> Overlay | None:
    """`pack.yaml` of an overlay's folder; None, with problems added, when it cannot be used."""
    node = _manifest_node(root, OVERLAY_KEYS, problems)
    if node is None:
        return None
    before = len(problems.errors)
    version = _word(node, "version", problems)
    pack, wanted = _named(node, "overlay", problems) or ("", "")
    stated = node.get("overlay")
    owners = [(kind, found.text) for kind in ("place", "source") if isinstance(found := node.get(kind), Scalar)]
    if len(owners) != 1:
        said = "an overlay is one place's or one source's"
        problems.add(node.place, said, "write `place: qvv` or `source: dch-pas`, as the register calls it")
    _check_language(node, problems)
    if len(problems.errors) > before:
        return None
    [(kind, name)] = owners
    place = stated.place if stated is not None else node.place
    return Overlay(name, kind, version, pack, wanted, _unreadable(node, problems), _facts(node.get("from")), place)


def _manifest_node(root: Path, keys: tuple[str, ...], problems: Problems) -> Mapping | None:
    node = read_yaml(manifest_text(root), f"{root.name}/pack.yaml", problems)
    if not isinstance(node, Mapping):
        return None
    for entry in node:
        if entry.key.text not in keys:
            problems.add(entry.key.place, f"pack.yaml has no `{entry.key.text}`", did_you_mean(entry.key.text, keys))
    return node


def _check_language(node: Mapping, problems: Problems) -> None:
    language = _word(node, "language", problems)
    if language and language != LANGUAGE:
        problems.add(node.place, f"language {language} is not known here", f"write `language: {LANGUAGE}`")


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


def _unreadable(node: Mapping, problems: Problems) -> str | None:
    found = node.get("unreadable")
    if not isinstance(found, Scalar):
        return None
    if found.text not in UNREADABLE:
        problems.add(found.place, f"`unreadable` is not `{found.text}`", f"one of {', '.join(UNREADABLE)}")
        return None
    return found.text


def _extends(node: Mapping, problems: Problems) -> tuple[str, str] | None:
    return _named(node, "extends", problems)


def _named(node: Mapping, key: str, problems: Problems) -> tuple[str, str] | None:
    """A pack and the versions of it that fit: `hl7v2 1.x`."""
    found = node.get(key)
    if not isinstance(found, Scalar):
        return None
    name, _, version = found.text.partition(" ")
    if not version:
        problems.add(found.place, f"`{key}` says no version", f"write `{key}: {name} 1.x`")
    elif not _RANGE.fullmatch(version):
        problems.add(found.place, f"`{version}` names no versions", f"write `{key}: {name} 1.x`, `1.2.x` or `1.2.3`")
    return name, version


def _scalar(node: Node | None) -> Scalar | None:
    return node if isinstance(node, Scalar) else None


def _facts(node: Node | None) -> tuple[str, ...]:
    if isinstance(node, NodeSequence):
        return tuple(item.text for item in node.items if isinstance(item, Scalar))
    return (node.text,) if isinstance(node, Scalar) else ()
