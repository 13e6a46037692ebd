"""Compiled packs on disk, so that a start does not compile what has not changed.

An entry is found by everything it is made of: every file of every layer, the compiler and the FHIR model, and the
version of Python. What cannot be read, or is not its owner's alone, is compiled anew.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from mappings.language.folder import Layer, Manifest
from mappings.language.runtime.program import Program

_MAPPINGS: Final = Path(__file__).parent.parent
_KEPT: Final = 64
"""Entries; those not used for longest go first."""


class Cache:
    """`folder` is made when something is first put there. It holds code that is run: it belongs to this user, and
    nobody else may write to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> tuple[Manifest, Program] | None:
        file = self._folder / key
        try:
            if not _own(self._folder) or not _own(file):
                return None
            manifest, program = pickle.loads(file.read_bytes())  # noqa: S301  (ours: see _own)
            os.utime(file)
        except Exception:  # noqa: BLE001  (whatever is wrong with it, it can be compiled anew)
            return None
        return manifest, program

    def put(self, key: str, manifest: Manifest, program: Program) -> None:
        """Keeps it for the next start. Where that is not possible, the next start compiles again."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = self._folder / f".{key}.{os.getpid()}"
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pickle.dumps((manifest, program)))
            made.replace(self._folder / key)
            self._forget_old()
        except OSError:
            return

    def _forget_old(self) -> None:
        entries = sorted(self._folder.iterdir(), key=lambda entry: entry.stat().st_mtime, reverse=True)
        for entry in entries[_KEPT:]:
            entry.unlink(missing_ok=True)


def content_key(layers: Sequence[Layer]) -> str:
    """Two stacks of layers with the same key make the same program."""
    digest = hashlib.sha256(_compiler())
    for layer in layers:
        for file in sorted(layer.root.rglob("*")):
            if file.is_file() and "samples" not in file.relative_to(layer.root).parts[:1]:
                _add(digest, f"{layer.root.name}/{file.relative_to(layer.root).as_posix()}", file.read_bytes())
    return digest.hexdigest()


def _own(path: Path) -> bool:
    """Whether it is this user's, and nobody else may change it."""
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


@cache
def _compiler() -> bytes:
    """What turns the same pack into the same program: the code and tables beside this file, and Python itself."""
    digest = hashlib.sha256(sys.version.encode())
    for folder in ("language", "formats"):
        for file in sorted((_MAPPINGS / folder).rglob("*")):
            if file.suffix in (".py", ".json", ".csv"):
                _add(digest, file.relative_to(_MAPPINGS).as_posix(), file.read_bytes())
    return digest.digest()


def _add(digest: hashlib._Hash, name: str, content: bytes) -> None:
    digest.update(f"{name}\n{len(content)}\n".encode())
    digest.update(content)
