"""What the author of a mapping pack has done for them: files laid out, schemas written, packs begun."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from carehub.errors import Declined
from carehub.settings import read_settings
from mappings.language.folder import pack_folders
from mappings.language.layout.files import laid_out_files


def lay_out(names: Sequence[str] | None, *, write: bool) -> list[dict[str, Any]]:
    """The files of these packs, or of all, that are not in the house's layout; with `write` they are written.

    A file that cannot be laid out carries the reason in `refused` and stays as it is. Raises Declined for a name that
    no pack has.
    """
    folders = pack_folders(read_settings().packs)
    if unknown := [name for name in names or () if name not in folders]:
        raise Declined(f"there is no pack {', '.join(unknown)}; there are: {', '.join(sorted(folders))}")
    found = []
    for name in names or sorted(folders):
        for file in laid_out_files(folders[name]):
            if file.changed and write:
                file.path.write_bytes(file.text.encode())
            if file.changed or file.refused:
                found.append({"file": file.shown, "path": str(file.path), "refused": file.refused or None})
    return found


def schemas_of_files() -> dict[str, Any]:
    """JSON Schemas of the files of packs, by the name of their file without `.json`. Takes seconds: FHIR's own words
    for its elements are read."""
    from mappings.language.fhir.derive import titles
    from mappings.language.schema.files import schemas

    return schemas(titles())


def write_schemas(folder: Path) -> int:
    """Writes every schema into a folder, which is made where there is none; gives their number."""
    folder.mkdir(parents=True, exist_ok=True)
    found = schemas_of_files()
    for name, schema in found.items():
        (folder / f"{name}.json").write_bytes(orjson.dumps(schema))
    return len(found)
