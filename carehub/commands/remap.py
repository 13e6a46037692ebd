"""`carehub remap`: stored messages mapped again, and corrections of what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carehub.commands import exits
from carehub.commands.moments import moment
from carehub.output import AsJson

if TYPE_CHECKING:
    from carehub.remaps import Shown, Summary

REMAP_HELP = """Maps stored messages of a source again, by the packs as they stand now, and shows what differs.

With --publish, what differs is corrected: an event of the same type, person and resource ids, with a ce_id of its own
and ce_corrects. An event that a message makes today in addition, about a person whom one of its events is about, is
published too. Behind later events of their person they carry ce_late. What cannot be published so is counted and left
to you, as are events that a message would not make any more. Safe to repeat, also after a crash.

Exit code 0 when nothing differs any more, else 1.

Personal data: --values shows values of the messages, on your terminal or wherever you send them.

Examples:

\b
    carehub remap --source dch-pas --since 2026-01-01T00:00:00Z
    carehub remap --source dch-pas --since 2026-01-01T00:00:00Z --values 20
    carehub remap --source dch-pas --since 2026-01-01T00:00:00Z --publish
"""


def add_to(app: typer.Typer) -> None:
    app.command("remap", help=REMAP_HELP)(remap)


def remap(
    source: Annotated[str, typer.Option(help="Messages that this source sent.")],
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Received at or after it.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Received before it; default: now.")] = None,
    values: Annotated[int, typer.Option(min=0, max=10_000, help="Show so many differences with their values.")] = 0,
    publish: Annotated[bool, typer.Option("--publish", help="Publish the corrections.")] = False,
    as_json: AsJson = False,
) -> None:
    from datetime import UTC, datetime

    from carehub import remaps
    from carehub.output import progress
    from carehub.settings import read_settings

    window = remaps.Window(
        source, moment(since, "--since") or remaps.BEGINNING, moment(until, "--until") or datetime.now(UTC)
    )
    settings = read_settings()
    if publish:
        summary = remaps.correct(settings, window, progress("corrected", quiet=as_json))
        shown: Shown = ()
    else:
        summary, shown = remaps.differences(settings, window, progress("compared", quiet=as_json), values)
    _tell(summary, shown, as_json=as_json)
    if summary.same + (summary.corrected if publish else 0) < summary.messages:
        raise typer.Exit(exits.NO)


def _tell(summary: Summary, shown: Shown, *, as_json: bool) -> None:
    from carehub.commands.mappings import print_values
    from carehub.output import print_facts, print_json

    found = summary.as_dict()
    if as_json:
        print_json({**found, **({"values": shown} if shown else {})})
        return
    facts: dict[str, object] = {"messages": found["messages"], "same": found["same"]}
    facts |= {f"correction of {type_}": number for type_, number in found["corrections"].items()}
    facts |= {
        f"element {each['path']}": f"in {each['events']} events (for one: carehub messages show {each['example']})"
        for each in found["elements"]
    }
    facts |= {f"mapped by {each['from']}": f"today {each['to']}: {each['events']} events" for each in found["versions"]}
    facts |= {f"in addition {type_}": number for type_, number in found["added"].items()}
    facts |= {f"no event yet of {type_}": f"{n} left to you" for type_, n in found["left"].items()}
    facts |= {f"no longer an event of {type_}": f"{n} left to you" for type_, n in found["gone"].items()}
    facts |= {
        f"would be refused today {number}": f"{each['messages']} {each['code']} {each['path']}".strip()
        for number, each in enumerate(found["refused"], 1)
    }
    if found["waits"]:
        facts["hang on a parent that is not known"] = found["waits"]
    facts["published"] = found["published"]
    print_facts(facts)
    print_values(shown)
