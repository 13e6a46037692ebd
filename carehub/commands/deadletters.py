"""`carehub deadletters`: what was kept and could not be turned into events, worked by cause."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from carehub.commands import exits
from carehub.output import AsJson

if TYPE_CHECKING:
    from carehub.letters import Summary

deadletters = typer.Typer(no_args_is_help=True, help="What was received and kept, and could not be turned into events.")

LetterOrGroup = Annotated[str, typer.Argument(metavar="ID", help="Of a letter, or of a group: see `list`.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Of a group, only so many, those received first.")]


class Status(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    DISCARDED = "discarded"
    ALL = "all"


LIST_HELP = """Groups of one cause (source, code, field, mapping), those of the latest letters first.

With --letters or --group, letter by letter, the latest first.

Examples:

\b
    carehub deadletters list --source dch-pas
    carehub deadletters list --group 5f0c7d1e9a3b2468 --json | jq -r '.[].id'
"""
PREVIEW_HELP = """What a retry would bring, by the packs as they stand now on CAREHUB_PACKS; publishes nothing.

Exit code 1 when some would still be refused.

Example:

\b
    carehub deadletters preview 5f0c7d1e9a3b2468 --limit 100
"""
RETRY_HELP = """Takes a letter, or the open ones of a group in the order received, in again.

They go the way of every message, under their own message ids; what comes after later events of its person carries
ce_late.

Safe to repeat, also after a crash: what is closed is left alone. Exit code 1 when some are still refused.

Example:

\b
    carehub deadletters retry 5f0c7d1e9a3b2468
"""
DISCARD_HELP = """Puts a letter, or the open ones of a group, away for good; they stay on record with the reason.

Example:

\b
    carehub deadletters discard 5f0c7d1e9a3b2468 --reason "test messages of the supplier"
"""


def add_to(app: typer.Typer) -> None:
    app.add_typer(deadletters, name="deadletters")


@deadletters.command("list", help=LIST_HELP)
def list_(
    source: Annotated[str | None, typer.Option(help="Only of this source.")] = None,
    status: Annotated[Status, typer.Option(help="Only of this status.")] = Status.OPEN,
    one_by_one: Annotated[bool, typer.Option("--letters", help="Letter by letter, not in groups.")] = False,
    group: Annotated[str | None, typer.Option(help="Letter by letter, those of this group.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    from carehub import letters
    from carehub.output import print_json, print_table

    wanted = None if status is Status.ALL else str(status)
    single = one_by_one or group is not None
    found = letters.letters(source, wanted, group, limit) if single else letters.groups(source, wanted, limit)
    if as_json:
        print_json(found)
    elif single:
        rows = (
            [
                each["id"],
                each["source"],
                each["code"],
                _place(each),
                each["count"],
                each["status"],
                each["lastReceived"],
            ]
            for each in found
        )
        columns = ["id", "source", "code", "where", "times", "status", "last received"]
        print_table(columns, rows, none="no dead letters")
    else:
        counts = ["letters", "open"] if status is Status.ALL else ["letters"]
        columns = ["group", "source", "code", "where", "pack", *counts, "first received", "last received", "example"]
        rows = (
            [
                *(each[name] for name in ("group", "source", "code", "path")),
                f"{each['pack']} {each['packVersion']}".strip(),
                *(each[name] for name in (*counts, "firstReceived", "lastReceived", "example")),
            ]
            for each in found
        )
        print_table(columns, rows, none="no dead letters")


@deadletters.command(
    "show",
    help="One dead letter, why it is one, and what was done with it; never its content.\n\n"
    "Example: `carehub deadletters show ID`",
)
def show(id_: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    from carehub import letters
    from carehub.output import print_story

    print_story(letters.letter_of(id_), as_json=as_json)


@deadletters.command("preview", help=PREVIEW_HELP)
def preview(id_: LetterOrGroup, limit: Limit = None, as_json: AsJson = False) -> None:
    from carehub import letters
    from carehub.output import progress
    from carehub.settings import read_settings

    _tell(letters.preview(read_settings(), id_, limit, progress("previewed", quiet=as_json)), as_json=as_json)


@deadletters.command("retry", help=RETRY_HELP)
def retry(id_: LetterOrGroup, limit: Limit = None, as_json: AsJson = False) -> None:
    from carehub import letters
    from carehub.output import progress
    from carehub.settings import read_settings

    _tell(letters.retry(read_settings(), id_, limit, progress("retried", quiet=as_json)), as_json=as_json)


@deadletters.command("discard", help=DISCARD_HELP)
def discard(
    id_: LetterOrGroup,
    reason: Annotated[str, typer.Option(help="Why; it stays on record. Name no person in it.")],
    as_json: AsJson = False,
) -> None:
    from carehub import letters
    from carehub.errors import WrongUsage
    from carehub.output import print_facts, print_json, progress
    from carehub.settings import read_settings

    if not reason.strip():
        raise WrongUsage("a letter is discarded for a reason: --reason TEXT")
    done = letters.put_away(read_settings(), id_, reason.strip(), progress("discarded", quiet=as_json))
    print_json({"discarded": done}) if as_json else print_facts({"discarded": done})


def _place(letter: dict[str, object]) -> object:
    issues = letter["issues"]
    return issues[0]["path"] if isinstance(issues, list) and issues else ""


def _tell(summary: Summary, *, as_json: bool) -> None:
    from carehub.output import print_facts, print_json

    found = summary.as_dict()
    if as_json:
        print_json(found)
    else:
        facts: dict[str, object] = {"letters": found["letters"], **found["outcomes"]}
        facts |= {f"event {e['type']}": f"{e['count']} to {e['topic']}" for e in found["events"]}
        for number, each in enumerate(found["reasons"], 1):
            where = " ".join(str(each[name]) for name in ("outcome", "code", "path") if each[name])
            facts[f"reason {number}"] = f"{each['count']} {where}: {each['text']} (for one: {each['example']})"
        print_facts(facts)
    if not summary.ok:
        raise typer.Exit(exits.NO)
