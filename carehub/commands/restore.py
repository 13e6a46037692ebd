"""`carehub restore`: a restored store compared with Kafka, and put right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carehub.commands import exits
from carehub.commands.moments import moment
from carehub.output import AsJson

if TYPE_CHECKING:
    from carehub.restore.work import Comparison

restore = typer.Typer(
    no_args_is_help=True, help="After a backup was restored: the store compared with Kafka, put right."
)

Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only what was kept and published since then: shorter, for large hubs."),
]

CHECK_HELP = """What the store and Kafka say of each other; changes nothing. Exit code 1 when they do not agree.

Example:

\b
    carehub restore check --since 2026-01-31T00:00:00Z
"""
RECONCILE_HELP = """Marks what Kafka has as published, what it lacks as not, and lifts all numbers above those in Kafka.

While no gateway and no relay runs. Safe to repeat. Exit code 0 once it is done, whatever was found.

Example:

\b
    carehub restore reconcile --json | jq .onlyInKafka
"""


def add_to(app: typer.Typer) -> None:
    app.add_typer(restore, name="restore")


@restore.command("check", help=CHECK_HELP)
def check(since: Since = None, as_json: AsJson = False) -> None:
    from carehub.restore import work
    from carehub.settings import read_settings

    found = work.check(read_settings(), moment(since, "--since"))
    _tell(found, as_json=as_json)
    if not found.agrees:
        raise typer.Exit(exits.NO)


@restore.command("reconcile", help=RECONCILE_HELP)
def reconcile(since: Since = None, as_json: AsJson = False) -> None:
    from carehub.restore import work
    from carehub.settings import read_settings

    _tell(work.reconcile(read_settings(), moment(since, "--since")), as_json=as_json)


def _tell(found: Comparison, *, as_json: bool) -> None:
    from carehub.output import cell, print_facts, print_json
    from carehub.restore.work import Finding

    if as_json:
        print_json(found.as_dict())
        return
    facts: dict[str, object] = {
        "events in Kafka": f"{found.in_kafka}, the highest sequence {found.highest}",
        "agree": found.rows[Finding.AGREES] + found.rows[Finding.ELSEWHERE],
        "published, by Kafka": f"{found.rows[Finding.PUBLISHED]} that the store held for unpublished",
        "lacked by Kafka": f"{found.rows[Finding.LACKING]} to be published again",
        "let go by Kafka": f"{found.rows[Finding.LET_GO]} past its retention",
        "to publish": f"{found.rows[Finding.TO_PUBLISH]} that were not published yet",
        "late": f"{found.late} of these behind a later event of their person",
    }
    for topic, lost in sorted(found.lost.items()):
        facts[f"only in Kafka: {topic}"] = (
            f"{lost.events} events of messages accepted {cell(lost.first)} to {cell(lost.last)}"
        )
    if found.next_number is not None:
        facts["next number"] = found.next_number
    print_facts(facts)
