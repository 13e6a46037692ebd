"""`carehub packs fmt|schema|new|new-codes`: the tools of those who write mapping packs."""

from __future__ import annotations

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


def add_to(packs: typer.Typer) -> None:
    packs.command("fmt", help=FMT_HELP)(fmt)


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
