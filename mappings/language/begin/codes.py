"""A new code list in a pack or overlay, or the beginning of what a pack lays over a list of the layers below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mappings.language.begin.packs import CannotBegin
from mappings.language.codes import COLUMNS, Unknown
from mappings.language.folder import BUILT_IN
from mappings.language.problems import Problems, did_you_mean
from mappings.language.stack import layers_of
from mappings.language.subjects import subjects

_NAME: Final = re.compile(r"[A-Za-z]\w*(-\w+)*", re.ASCII)


def begin_codes(pack: str, name: str, unknown: Unknown, search: Sequence[Path]) -> Path:
    """Makes `codes/NAME.csv` with its header and, where no layer below has the list, what becomes of other codes.

    Raises CannotBegin when the pack is none of the search path, or has the list already.
    """
    known = subjects(search)
    subject = known.get(pack)
    if subject is None:
        near = did_you_mean(pack, known) or "`carehub packs list` names all"
        raise CannotBegin(f"there is no pack {pack}; {near}")
    root = subject.root
    if root.parent == BUILT_IN:
        said = f"{pack} came with the installation and is replaced with it"
        raise CannotBegin(f"{said}; make a pack of your own: carehub packs new NAME --extends {pack}")
    if not _NAME.fullmatch(name):
        raise CannotBegin(f"`{name}` is no name of a code list: letters, digits and hyphens, as in code(ward-name)")
    file = root / "codes" / f"{name}.csv"
    if file.exists():
        raise CannotBegin(f"{pack}/codes/{name}.csv is there already; nothing is overwritten")
    layers = layers_of(subject.pack, search, Problems(), subject.locality)
    below = any(layer.file(f"codes/{name}.csv") for layer in layers)
    policy = "" if below else f"# unknown: {unknown}\n"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{policy}{','.join(COLUMNS)}\n", encoding="utf-8")
    return file
