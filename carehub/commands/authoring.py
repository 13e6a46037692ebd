"""`carehub packs fmt|schema|new|new-codes`: the tools of those who write mapping packs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carehub.commands import exits
from carehub.output import AsJson

PackNames = Annotated[list[str] | None, typer.Argument(metavar="[PACK]...", help="Default: all.")]

FMT_HELP = """Writes pack files in the house's layout.

Comments, quotes and the order of keys stay. A file whose meaning would change is refused, never written. Exit code 1
when a file is refused or, with --check, when one is not laid out.

Examples:

\b
    carehub packs fmt physio
    carehub packs fmt --check
"""

SCHEMA_HELP = """JSON Schemas of the pack files, for completion and checks while typing.

`pack`, `message` and `changes` are files of a pack; a template's schema is named after the FHIR type it makes. An
editor that knows YAML finds it by the first line of a file, which `carehub packs new` writes:
`# yaml-language-server: $schema=../../.schema/Patient.json`.

Examples:

\b
    carehub packs schema --write packs/.schema
    carehub packs schema Patient
"""


def add_to(packs: typer.Typer) -> None:
    packs.command("fmt", help=FMT_HELP)(fmt)
    packs.command("schema", help=SCHEMA_HELP)(schema)


def fmt(
    names: PackNames = None,
    check: Annotated[bool, typer.Option("--check", help="Only list the files that would change.")] = False,
    as_json: AsJson = False,
) -> None:
    from carehub.authoring import lay_out
    from carehub.output import print_json, print_line, say

    found = lay_out(names, write=not check)
    refused = [each for each in found if each["refused"]]
    changed = [each for each in found if not each["refused"]]
    if as_json:
        print_json({"ok": not refused and not (check and changed), "files": found})
    else:
        for each in found:
            print_line(f"{each['file']}: {each['refused']}" if each["refused"] else each["file"])
        said = "to be laid out (carehub packs fmt)" if check else "laid out"
        say(f"{len(changed)} files {said}, {len(refused)} refused")
    if refused or (check and changed):
        raise typer.Exit(exits.NO)


def schema(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all.")] = None,
    write: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write each into a file of its own.")] = None,
    as_json: AsJson = False,
) -> None:
    from carehub.authoring import schemas_of_files, write_schemas
    from carehub.errors import Declined
    from carehub.output import print_json, print_line, say

    if write is not None:
        count = write_schemas(write)
        print_json({"folder": str(write), "schemas": count}) if as_json else print_line(str(write))
        say(f"{count} schemas written")
        return
    found = schemas_of_files()
    if unknown := [name for name in names or () if name not in found]:
        raise Declined(
            f"there is no schema {', '.join(unknown)}: write pack, message, changes or the name of a FHIR type"
        )
    print_json(found[names[0]] if names and len(names) == 1 else {n: found[n] for n in names or found})
