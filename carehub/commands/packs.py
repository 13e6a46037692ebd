"""`carehub packs`: the mapping packs that this installation finds, and whether they are sound."""

from __future__ import annotations

from typing import Annotated

import typer

from carehub.commands import authoring, coverage, exits, mappings
from carehub.output import AsJson

packs = typer.Typer(no_args_is_help=True, help="Mapping packs: those that come along, and those of CAREHUB_PACKS.")

PackNames = Annotated[list[str] | None, typer.Argument(metavar="[PACK]...", help="Default: all.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(packs, name="packs")
    authoring.add_to(packs)


@packs.command("list", help="All packs.\n\nExample: `carehub packs list`")
def list_(as_json: AsJson = False) -> None:
    from carehub.output import print_json, print_table
    from carehub.packs import described

    found = described()
    if as_json:
        print_json(found)
        return
    columns = ["pack", "version", "format", "extends", "samples", "overlays", "folder"]
    rows = ({**each, "overlays": [overlay["of"] for overlay in each["overlays"]]} for each in found)
    print_table(columns, ([each[name] for name in columns] for each in rows), none="no packs: look at CAREHUB_PACKS")


packs.command("show", help=mappings.SHOW_HELP)(mappings.show)
packs.command("diff", help=mappings.DIFF_HELP)(mappings.diff)


LINT_HELP = """Checks packs and overlays against the language and FHIR: every mistake, with its line and what to write.

An overlay is called by the name of its folder, and lies over its pack alone. With --place or --source, packs are
checked as they run there, with all overlays and pins.

Examples: `carehub packs lint hl7v2-itk`, `carehub packs lint dorset`, `carehub packs lint --place qvv`
"""


@packs.command("lint", help=LINT_HELP)
def lint(
    names: PackNames = None,
    place: mappings.PlaceOption = None,
    source: mappings.SourceOption = None,
    as_json: AsJson = False,
) -> None:
    from carehub.localities import locality_for
    from carehub.output import print_json, print_line, say
    from carehub.packs import problems_of
    from carehub.settings import read_settings

    problems = problems_of(names, locality_for(read_settings(), place, source))
    mistakes = [each for each in problems if not each["warning"]]
    if as_json:
        print_json({"ok": not mistakes, "problems": problems})
    else:
        for problem in problems:
            print_line(problem["shown"])
        say(f"{len(mistakes)} mistakes, {len(problems) - len(mistakes)} warnings")
    if mistakes:
        raise typer.Exit(exits.NO)


Accept = Annotated[
    bool,
    typer.Option("--accept", help="Write what comes today as what is expected, once it is shown. Assertions stay."),
]


@packs.command(
    "test",
    help="Maps the samples and compares with what is expected.\n\n"
    "An overlay is called by the name of its folder.\n\n"
    "Examples: `carehub packs test cld`, `carehub packs test dorset --accept`",
)
def try_samples(names: PackNames = None, accept: Accept = False, as_json: AsJson = False) -> None:
    from carehub.output import print_json, print_line, say
    from carehub.packs import accept_samples_of, tried_samples

    results = tried_samples(names)
    failed = [each for each in results if not each["ok"]]
    if not as_json:
        for each in failed:
            print_line("\n".join([f"{each['pack']}/{each['sample']}:", *(f"  {line}" for line in each["differences"])]))
    if accept and failed:
        accept_samples_of(failed)
        results = tried_samples(names)
        say(f"{len(failed)} written as expected")
        failed = [each for each in results if not each["ok"]]
    if as_json:
        print_json({"ok": not failed, "samples": results})
    say(f"{len(results)} samples, {len(failed)} failed")
    if failed:
        raise typer.Exit(exits.NO)


packs.command("coverage", help=coverage.HELP)(coverage.coverage)

RELOAD_HELP = """Lets running gateways read their packs anew, without losing a message.

A pack that does not compile any more goes on as it was. Exit code 1 when a gateway has not done so in time, or says
that something is wrong with its packs.

Example: `carehub packs reload`
"""


@packs.command("reload", help=RELOAD_HELP)
def reload(
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for the gateways.")] = 60,
    as_json: AsJson = False,
) -> None:
    import asyncio
    from dataclasses import asdict

    from carehub.output import print_json, print_line, say
    from carehub.reload import reload_packs
    from carehub.settings import read_settings

    found = asyncio.run(reload_packs(read_settings(), wait))
    well = all(each.done and not each.trouble for each in found)
    if as_json:
        print_json({"ok": well, "gateways": [asdict(each) for each in found]})
    else:
        for each in found:
            print_line(f"{each.gateway}: {'has read its packs anew' if each.done else 'has not answered yet'}")
            for line in each.trouble:
                print_line(f"  {line}")
    if not found:
        say("no gateway is running; one that starts reads its packs then")
    if not well:
        raise typer.Exit(exits.NO)
