"""What the author of a mapping pack has done for them: files laid out, schemas written, packs begun."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from carehub.errors import Declined
from carehub.packs import cache_of, check_names
from carehub.settings import read_settings
from mappings.language.begin.codes import begin_codes
from mappings.language.begin.packs import Wish, begin_pack
from mappings.language.codes import Unknown
from mappings.language.layout.files import laid_out_files
from mappings.language.subjects import subjects


def lay_out(names: Sequence[str] | None, *, write: bool) -> list[dict[str, Any]]:
    """The files of these packs and overlays, or of all, that are not in the house's layout; `write` writes them.

    A file that cannot be laid out carries the reason in `refused` and stays as it is. Raises Declined for a name that
    none has.
    """
    folders = {name: subject.root for name, subject in subjects(read_settings().packs).items()}
    check_names(names, folders)
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


def begin(wish: Wish, folder: Path | None) -> dict[str, Any]:
    """A new pack in `folder`, else in the first of CAREHUB_PACKS, with the schemas of its files beside it.

    Raises Declined when neither is given, CannotBegin when the pack cannot be made as asked for.
    """
    settings = read_settings()
    search = settings.packs
    if folder is None and not search:
        raise Declined("say where: --in FOLDER, or name your folder of packs in CAREHUB_PACKS")
    home = folder if folder is not None else search[0]
    files = begin_pack(wish, home, [home, *search], cache_of(settings))
    schemas = home / ".schema"
    if not schemas.exists():
        write_schemas(schemas)
    return {"pack": wish.name, "folder": str(home / wish.name), "files": files, "found": home in search}


def begin_list(pack: str, name: str, unknown: Unknown) -> Path:
    """A new code list in a pack of CAREHUB_PACKS; gives its file. Raises CannotBegin."""
    return begin_codes(pack, name, unknown, read_settings().packs)
