"""A new pack: written beside its place, compiled and tried there, and only then moved in."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.errors import CarehubError, Refusal
from mappings.language.begin.columns import EXAMPLE, columns_in
from mappings.language.begin.rows import row_files
from mappings.language.build import effective
from mappings.language.cache import Cache
from mappings.language.folder import Layer, pack_folders
from mappings.language.layout.documents import laid_out
from mappings.language.packs import load_pack
from mappings.language.problems import Problems, did_you_mean
from mappings.language.samples import accept_samples, run_samples, sample_alone
from mappings.language.stack import layers_of
from mappings.stages import Format

_SKELETONS: Final = Path(__file__).parent / "skeletons"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class CannotBegin(CarehubError):
    """The pack or code list cannot be made as it was asked for; nothing was written."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the author asked for: a format of its own, or another pack to extend. `file` shows what rows look like."""

    name: str
    format: Format | None
    extends: str | None
    file: Path | None


def begin_pack(wish: Wish, folder: Path, search: Sequence[Path], cache: Cache | None = None) -> list[str]:
    """Makes `folder/NAME`, which compiles without a mistake or warning and whose sample passes; gives its files.

    Raises CannotBegin for a name that is taken or none, a base or file that cannot be used; PackError when the base
    itself has mistakes. Nothing is written then.
    """
    if not _NAME.fullmatch(wish.name):
        raise CannotBegin(f"`{wish.name}` is no name of a pack: small letters and digits, joined by hyphens")
    if wish.name in pack_folders([folder, *search]) or (folder / wish.name).exists():
        raise CannotBegin(f"there is a pack or folder {wish.name} already; nothing is overwritten")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as beside:
        root = Path(beside) / wish.name
        _write(root, wish, search, cache)
        around = [Path(beside), *search]
        load_pack(wish.name, around, cache)
        accept_samples(wish.name, around, cache=cache)
        if failed := [result for result in run_samples(wish.name, around, cache) if not result.ok]:
            raise CannotBegin(f"the sample of {wish.name} does not pass: {failed[0].differences[0]}")
        shutil.move(root, folder / wish.name)
    made = folder / wish.name
    return sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())


def _write(root: Path, wish: Wish, search: Sequence[Path], cache: Cache | None) -> None:
    if wish.extends is not None:
        _extend(root, wish, wish.extends, search, cache)
    elif wish.format in (Format.CSV, Format.JSON):
        _files(root, _rows(wish, wish.format))
    elif wish.format is None:
        raise CannotBegin(f"say what the pack reads: --format {'|'.join(Format)}, or --extends PACK")
    elif wish.file is not None:
        raise CannotBegin("only rows of csv and json are looked at for their columns; put your message into samples/")
    else:
        _skeleton(root, str(wish.format), {"PACK_NAME": wish.name})


def _rows(wish: Wish, form: Format) -> dict[str, str]:
    try:
        columns = columns_in(wish.file, form) if wish.file is not None else EXAMPLE
        files = row_files(wish.name, form, columns)
    except (Refusal, ValueError, OSError) as reason:
        raise CannotBegin(f"{wish.file} cannot be used: {reason}") from None
    return {name: laid_out(text) if name.endswith(".yaml") else text for name, text in files.items()}


def _extend(root: Path, wish: Wish, base: str, search: Sequence[Path], cache: Cache | None) -> None:
    layers = layers_of(base, search, Problems())
    if not layers:
        near = did_you_mean(base, pack_folders(search))
        raise CannotBegin(f"there is no pack {base} that can be read; {near or '`carehub packs list` names all'}")
    manifest = effective(layers)
    if wish.format not in (None, manifest.format):
        raise CannotBegin(f"{base} reads {manifest.format}, so a pack that extends it does too: leave --format out")
    if wish.file is not None:
        raise CannotBegin("the columns are those of the pack that is extended: leave --from out")
    major = manifest.version.partition(".")[0]
    words = {"PACK_NAME": wish.name, "BASE_NAME": base, "BASE_FORMAT": manifest.format, "BASE_MAJOR": major}
    _skeleton(root, "extends", words)
    sample = _sample_of(layers, search, cache)
    if sample is not None:
        shutil.copytree(sample, root / "samples" / sample.name)


def _sample_of(layers: Sequence[Layer], search: Sequence[Path], cache: Cache | None) -> Path | None:
    """Of the uppermost layer that has one: the first sample that needs no other."""
    found = (sample_alone(layer.manifest.name, search, cache) for layer in reversed(layers))
    return next((sample for sample in found if sample is not None), None)


def _skeleton(root: Path, kind: str, words: Mapping[str, str]) -> None:
    base = _SKELETONS / kind
    files = {
        path.relative_to(base).as_posix(): path.read_bytes().decode() for path in base.rglob("*") if path.is_file()
    }
    for word, value in words.items():
        files = {name: text.replace(word, value) for name, text in files.items()}
    _files(root, files)


def _files(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
