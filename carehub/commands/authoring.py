"""`carehub packs fmt|schema|new|new-codes`: the tools of those who write mapping packs."""

from __future__ import annotations

from enum import StrEnum
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

NEW_HELP = """Begins a pack that compiles as it is, with one sample that passes.

It stands in the first folder of CAREHUB_PACKS, or in that of --in. With --from, the columns of a CSV file or the
members of JSON rows are declared, with their types guessed, and listed in the template; no value of the file is kept.

Examples:

\b
    carehub packs new physio --format csv --from appointments.csv
    carehub packs new our-hospital --extends hl7v2-itk --in packs
"""

NEW_CODES_HELP = """Begins a code list in a pack: its header, and what becomes of codes that are not in it.

keep leaves the source's code, system and text; omit leaves the element out; refuse refuses the message. Each is noted.

Example: `carehub packs new-codes physio appointment-status`
"""


class OtherCodes(StrEnum):
    KEEP = "keep"
    OMIT = "omit"
    REFUSE = "refuse"


class PackFormat(StrEnum):
    HL7V2 = "hl7v2"
    CSV = "csv"
    JSON = "json"
    FHIR = "fhir"


def add_to(packs: typer.Typer) -> None:
    packs.command("fmt", help=FMT_HELP)(fmt)
    packs.command("schema", help=SCHEMA_HELP)(schema)
    packs.command("new", help=NEW_HELP)(new)
    packs.command("new-codes", help=NEW_CODES_HELP)(new_codes)


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


def new(
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens; also the name of the folder.")],
    format_: Annotated[PackFormat | None, typer.Option("--format", help="What the pack reads.")] = None,
    extends: Annotated[str | None, typer.Option(metavar="PACK", help="State only what differs from this pack.")] = None,
    file: Annotated[Path | None, typer.Option("--from", metavar="FILE", help="Rows to take the columns from.")] = None,
    folder: Annotated[Path | None, typer.Option("--in", metavar="FOLDER", help="Where the pack shall stand.")] = None,
    as_json: AsJson = False,
) -> None:
    from carehub.authoring import begin
    from carehub.output import print_json, print_line, say
    from mappings.language.begin.packs import Wish
    from mappings.stages import Format

    made = begin(Wish(name, Format(format_) if format_ is not None else None, extends, file), folder)
    if as_json:
        print_json(made)
        return
    for each in made["files"]:
        print_line(f"{made['folder']}/{each}")
    say("\nNext:")
    if not made["found"]:
        say(f"  export CAREHUB_PACKS={Path(made['folder']).parent}   # or the packs are not found")
    for command, why in (
        (f"packs lint {name}", "every mistake, with its line and what to write"),
        (f"packs test {name}", "the samples; --accept writes what comes as expected"),
        (f"preview FILE --pack {name}", "what your own messages give, and what is not mapped"),
        (f"packs fmt {name}", "the layout"),
    ):
        say(f"  carehub {command:<{len(name) + 22}} # {why}")


def new_codes(
    pack: Annotated[str, typer.Argument(help="A pack of CAREHUB_PACKS.")],
    name: Annotated[str, typer.Argument(metavar="LIST", help="As `code(LIST)` calls it.")],
    unknown: Annotated[OtherCodes, typer.Option(help="What becomes of codes that are not in it.")] = OtherCodes.KEEP,
    as_json: AsJson = False,
) -> None:
    from carehub.authoring import begin_list
    from carehub.output import print_json, print_line, say
    from mappings.language.codes import Unknown

    file = begin_list(pack, name, Unknown(unknown))
    print_json({"file": str(file)}) if as_json else print_line(str(file))
    say("a row each: the source's code, what it becomes, where that is said, and whether it was verified (yes or no)")
