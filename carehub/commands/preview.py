"""`carehub preview`: what would become of these files, without a server and without keeping anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from carehub.commands import exits
from carehub.output import AsJson, print_json

PREVIEW_HELP = """Maps messages without a server and shows what would be published, or why not.

With --place, its overlays and the versions it holds to apply, and those of the places it lies in.

One JSON line per message in a pipe or with --json; for people on a terminal. Ids are made with a fixed key, so two
previews of one message are equal, and none has the ids of a running hub. Exit code 1 when some message is refused.

Examples:

\b
    carehub preview admission.hl7
    carehub preview --pack hl7v2-itk --place qvv *.hl7 | jq .event
    carehub preview - <referral.json
"""

KEY: Final = b"carehub preview: never for real".ljust(32, b".")
"""The key of ids in a preview without a hub."""


def add_to(app: typer.Typer) -> None:
    app.command("preview", help=PREVIEW_HELP)(preview)


def preview(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="`-` is standard input.")],
    pack: Annotated[str | None, typer.Option(help="Pack to map with. Default: recognised from the content.")] = None,
    place: Annotated[
        str | None, typer.Option(help="Place to publish for, and whose mapping runs; without one no topic is shown.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    packs = _packs(pack, place)
    for_people = sys.stdout.isatty() and not as_json
    refused = False
    for file in files:
        for result in _previewer(packs, place).body(read_file(file), None):
            line = {"file": str(file), **result}
            refused = refused or not line["ok"]
            (_show if for_people else print_json)(line)
    if refused:
        raise typer.Exit(exits.NO)


def read_file(file: Path) -> bytes:
    """What stands in it, or on standard input for `-`. Raises WrongUsage."""
    from carehub.errors import WrongUsage

    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}") from None


def _packs(name: str | None, place: str | None) -> list[Any]:
    """The one that was named, or all that are sound, those that build on another one first; as they run at the
    place."""
    from carehub.localities import locality_for
    from carehub.output import say
    from carehub.packs import cache_of, sound_packs
    from carehub.settings import read_settings
    from mappings.language import load_pack

    settings = read_settings()
    locality = locality_for(settings, place, None)
    if name is not None:
        return [load_pack(name, settings.packs, cache_of(settings), locality)]
    sound, broken = sound_packs(settings, locality)
    if broken:
        say(f"left out, since they cannot run here: {', '.join(broken)} (preview --pack NAME says why)")
    return sound


def _previewer(packs: list[Any], place: str | None) -> Any:
    """A new one for each file: rows may hang on earlier rows of their own file only."""
    from datetime import UTC, datetime

    from contract.identifiers import ResourceIds
    from gateway.preview import NOBODY, Previewer

    return Previewer(packs, ResourceIds(KEY), NOBODY, datetime.now(UTC), place)


def _show(line: dict[str, Any]) -> None:
    from rich.markup import escape

    from carehub.output import console

    out = console()
    verdict = f"[green]{line['event'] or 'nothing to publish'}[/]" if line["ok"] else "[red]refused[/]"
    out.print(f"[bold]{escape(line['file'])}[/] message {line['index'] + 1}: {verdict}")
    for event in line["events"]:
        kinds = [entry["resource"]["resourceType"] for entry in event["bundle"]["entry"]]
        out.print(f"  {event['type']} → {event['topic'] or 'no topic without --place'}: {', '.join(kinds)}")
    for issue in line["issues"]:
        out.print(f"  [yellow]{issue['code']}[/] {escape(issue['path'])}: {escape(issue['text'])}")
    if line["unmapped"]:
        out.print(f"  not mapped: {escape(', '.join(line['unmapped']))}")
