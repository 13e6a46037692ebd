"""The files of a pack that have a layout: which they are, and how each should look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from mappings.language.codes import COLUMNS as CODE_COLUMNS
from mappings.language.layout.documents import Unformattable, laid_out
from mappings.language.layout.meaning import same_document
from mappings.language.layout.tables import laid_out_table, same_table
from mappings.language.source import HL7_COLUMNS, ROW_COLUMNS

FIELD_COLUMNS = (*HL7_COLUMNS[:2], *ROW_COLUMNS)


@dataclass(frozen=True, slots=True)
class LaidOut:
    """One file: `text` is how it should look. `refused` says why it is left alone, else it is empty."""

    shown: str
    path: Path
    text: str
    changed: bool
    refused: str = ""


def laid_out_files(root: Path) -> Iterator[LaidOut]:
    """Every YAML file and CSV list of the pack in the folder `root`, by name. Nothing is written.

    What a sender sent (`samples/*/message.*`) is no file of the language and stays as it is.
    """
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".yaml", ".csv") and p.stem != "message"):
        raw = path.read_bytes().decode("utf-8-sig")
        shown = f"{root.name}/{path.relative_to(root).as_posix()}"
        try:
            text = laid_out(raw) if path.suffix == ".yaml" else laid_out_table(raw, _columns(path))
        except Unformattable as refusal:
            yield LaidOut(shown, path, raw, changed=False, refused=str(refusal))
            continue
        except yaml.YAMLError:
            yield LaidOut(shown, path, raw, changed=False, refused="it is no YAML: `carehub packs lint` says where")
            continue
        same = same_document if path.suffix == ".yaml" else same_table
        if not same(raw, text):
            yield LaidOut(shown, path, raw, changed=False, refused="its meaning would change: please report this file")
            continue
        yield LaidOut(shown, path, text, changed=text.encode() != path.read_bytes())


def _columns(path: Path) -> tuple[str, ...]:
    return FIELD_COLUMNS if path.name == "fields.csv" else CODE_COLUMNS
