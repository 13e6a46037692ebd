"""`carehub replay`: events that were published, once more, to a topic of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carehub.commands.moments import moment
from carehub.output import AsJson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

replay = typer.Typer(no_args_is_help=True, help="Publish events once more, to a topic of their own.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its topic is care.replay.NAME.")]

START_HELP = """Has events that were published put into care.replay.NAME, in their old order.

They are as they were stored, with their own ce_id and ce_sequence and with ce_replay; what flags hold for their persons
today is applied. A relay does the work; a crash only repeats a few, under the same ids. Times are those of ce_received,
and have a zone.

Examples:

\b
    carehub replay start winter --since 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z --topic care.qvv.acute.v1
    carehub replay start dch --source dch-pas --type patient-admitted-1 --rate 500 --reason "timeline lost a day"
"""
STATUS_HELP = """How far a replay is, or all of them.

Example:

\b
    carehub replay status winter --json | jq .percent
"""


def add_to(app: typer.Typer) -> None:
    app.add_typer(replay, name="replay")


@replay.command("start", help=START_HELP)
def start(
    name: Name,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Accepted at or after it.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Accepted before it.")] = None,
    source: Annotated[str | None, typer.Option(help="Sent by this source.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Of this event type.")] = None,
    person: Annotated[str | None, typer.Option(help="About the person of this person key.")] = None,
    topic: Annotated[str | None, typer.Option(help="That went to this topic.")] = None,
    restricted: Annotated[
        bool, typer.Option("--restricted", help="The restricted events instead of all others.")
    ] = False,
    rate: Annotated[int, typer.Option(min=1, max=100_000, help="Events per second at most.")] = 200,
    reason: Annotated[str, typer.Option(help="Why; it stays on record. Name no person in it.")] = "",
    as_json: AsJson = False,
) -> None:
    from carehub import replays
    from gateway.store.replays import Wanted

    wanted = Wanted(
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        source=source,
        type=type_,
        person_key=person,
        topic=topic,
    )
    _tell(replays.begin(name, wanted, restricted=restricted, rate=rate, reason=reason), as_json=as_json)


@replay.command("status", help=STATUS_HELP)
def status(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that were dropped too.")] = False,
    as_json: AsJson = False,
) -> None:
    from carehub import replays

    found = replays.told(name, dropped=every)
    if name is not None:
        _tell(found[0], as_json=as_json)
    else:
        _tell_all(found, as_json=as_json)


@replay.command("stop", help="Stops a replay; it can be gone on with.\n\nExample: `carehub replay stop winter`")
def stop(name: Name, as_json: AsJson = False) -> None:
    from carehub import replays

    _tell(replays.stop(name), as_json=as_json)


@replay.command("resume", help="Goes on where a replay was stopped.\n\nExample: `carehub replay resume winter`")
def resume(name: Name, as_json: AsJson = False) -> None:
    from carehub import replays

    _tell(replays.resume(name), as_json=as_json)


@replay.command(
    "drop",
    help="Ends a replay and deletes its topic; what was done stays on record.\n\nExample: `carehub replay drop winter`",
)
def drop(name: Name, as_json: AsJson = False) -> None:
    from carehub import replays
    from carehub.output import say

    found = replays.drop(name)
    if found["status"] != "dropped":
        say("its topic is deleted as soon as a relay runs")
    _tell(found, as_json=as_json)


def _tell(found: Mapping[str, object], *, as_json: bool) -> None:
    from carehub.output import print_facts, print_json

    print_json(found) if as_json else print_facts(found)


def _tell_all(found: Iterable[Mapping[str, object]], *, as_json: bool) -> None:
    from carehub.output import print_json, print_table

    if as_json:
        print_json(list(found))
        return
    names = ("name", "status", "percent", "published", "withheld", "topic", "started", "error")
    print_table(names, ([each[name] for name in names] for each in found), none="no replays")
