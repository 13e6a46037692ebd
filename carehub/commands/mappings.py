"""`carehub packs show`: a pack, or the mapping that runs at a place, each line with the layer that says it."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

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
        print_json(described) if as_json else print_facts(described)
        return
    found = shown_mapping(pack, part, locality_for(read_settings(), place, source), changed=changed)
    print_json(found) if as_json else _print_mapping(found)


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
