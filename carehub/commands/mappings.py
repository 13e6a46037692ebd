"""`carehub packs show|diff`: the mapping that runs at a place, each line with the layer that says it, and what another
would make of the same messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from carehub.commands import exits
from carehub.output import AsJson

SHOW_HELP: Final = """One pack: what it reads, what it builds on, and the overlays there are.

With --place or --source, or with a part, the mapping as it runs: plain YAML, in the margin the layer that says each
line, and the line of its file.

Examples:

\b
    carehub packs show cld
    carehub packs show hl7v2-itk --place qvv --changed
    carehub packs show hl7v2-itk segments/PID/Patient --source dch-pas
"""

DIFF_HELP: Final = """What version or overlay B, in place of A, would change on real messages.

A and B are versions of the pack that are on CAREHUB_PACKS, or folders: of a version, or of an overlay. Each message is
mapped by both; what differs is shown element by element, with what was noted and what was left unmapped. Exit code 0
when nothing differs, else 1.

Personal data: the differences show values of the messages, on your terminal or wherever you send them. Nothing is kept
and nothing is logged.

Examples:

\b
    carehub packs diff hl7v2-itk 1.0.0 1.1.0 --messages feed/*.hl7
    carehub packs diff hl7v2-itk 1.0.0 packs/dorset --messages admission.hl7 --json
"""

PlaceOption = Annotated[str | None, typer.Option(help="As it runs at this place.")]
SourceOption = Annotated[str | None, typer.Option(help="As it runs for this registered source.")]


def show(
    pack: Annotated[str, typer.Argument(metavar="PACK")],
    part: Annotated[str | None, typer.Argument(metavar="[PART]", help="`segments/PID/Patient`, `codes/ward` …")] = None,
    place: PlaceOption = None,
    source: SourceOption = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only parts of which an overlay says something.")] = False,
    as_json: AsJson = False,
) -> None:
    from carehub.localities import locality_for
    from carehub.output import print_facts, print_json
    from carehub.packs import describe, shown_mapping
    from carehub.settings import read_settings

    if part is None and place is None and source is None:
        described = describe(pack)
        if as_json:
            print_json(described)
        else:
            over = [f"{o['of']} {o['version']} (for {o['for']}, {o['folder']})" for o in described["overlays"]]
            print_facts({**described, "overlays": over})
        return
    found = shown_mapping(pack, part, locality_for(read_settings(), place, source), changed=changed)
    print_json(found) if as_json else _print_mapping(found)


def diff(
    pack: Annotated[str, typer.Argument(metavar="PACK")],
    before: Annotated[str, typer.Argument(metavar="A", help="A version, or a folder.")],
    after: Annotated[str, typer.Argument(metavar="B", help="A version, or a folder.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files of messages.")] = None,
    messages: Annotated[
        list[Path] | None, typer.Option("--messages", metavar="FILE...", help="Messages; `-` is standard input.")
    ] = None,
    place: PlaceOption = None,
    source: SourceOption = None,
    as_json: AsJson = False,
) -> None:
    from carehub.adoption import compared, mapping_of, summed
    from carehub.commands.preview import read_file
    from carehub.errors import WrongUsage
    from carehub.localities import locality_for
    from carehub.output import print_json
    from carehub.settings import read_settings

    files = [*(messages or ()), *(more or ())]
    if not files:
        raise WrongUsage("say which messages: --messages FILE…")
    settings = read_settings()
    locality = locality_for(settings, place, source)
    mappings = [mapping_of(pack, wanted, settings, locality) for wanted in (before, after)]
    found = list(compared(((str(file), read_file(file)) for file in files), *mappings))
    summary = summed(found)
    if as_json:
        versions = dict(zip(("before", "after"), (each.version for each in mappings), strict=True))
        print_json({"pack": pack, **versions, **summary, "differences": [m for m in found if m["differences"]]})
    else:
        _print_differences(found, summary)
    if summary["different"]:
        raise typer.Exit(exits.NO)


def _print_differences(found: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    from carehub.output import print_line, say

    for message in (each for each in found if each["differences"]):
        print_line(f"{message['file']} message {message['index'] + 1}")
        print_values(message["differences"])
    for element, count in summary["elements"].items():
        say(f"{count:>6} times {element}")
    say(f"{summary['messages']} messages, {summary['different']} differ")


def print_values(differences: Iterable[Mapping[str, Any]]) -> None:
    """Each with its place, and what stands there on either side: personal data."""
    from carehub.output import print_line

    for each in differences:
        event = f"event {each['event'] + 1} " if each.get("event") else ""
        message = f" of {each['message']}" if "message" in each else ""
        print_line(f"  {event}{each['path']}{message}")
        for sign, side in (("-", "before"), ("+", "after")):
            if side in each:
                print_line(f"    {sign} {_value(each[side])}")


def _value(value: object) -> str:
    import orjson

    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _print_mapping(found: dict[str, Any]) -> None:
    from carehub.output import print_line, say

    overlays = set(found["version"].split(" + ")[1:])
    width = max((len(line["layer"]) for part in found["parts"] for line in part["lines"]), default=0)
    print_line(f"# {found['pack']} {found['version']}")
    for part in found["parts"]:
        print_line(f"\n# {part['part']}")
        for line in part["lines"]:
            margin = f"{line['layer']:<{width}} {line['line']:>4}"
            _print_said(margin, line["text"], stressed=line["layer"] in overlays)
    if not found["parts"]:
        say("no overlay says anything of it")


def _print_said(margin: str, text: str, *, stressed: bool) -> None:
    """On a terminal, what an overlay says stands out."""
    import sys

    from carehub.output import print_line

    if stressed and sys.stdout.isatty():
        print_line(typer.style(f"{margin} │ {text}", bold=True))
    else:
        print_line(f"{margin} │ {text}")
