"""`carehub retention`: what is kept for how long, and what is due to go."""

from __future__ import annotations

from typing import Annotated

import typer

from carehub.output import AsJson

retention = typer.Typer(no_args_is_help=True, help="What is kept for how long, and what is due to go.")

SHOW_HELP = """Each kind with its setting, how long it is kept, the oldest row, and how many rows are due.

Example:

\b
    carehub retention show --json | jq '.[] | select(.due > 0)'
"""
RUN_HELP = """Removes what is due, to the end; gateways do the same every hour by themselves.

With --dry-run it only counts.

Example:

\b
    CAREHUB_KEEP_MESSAGES_DAYS=30 carehub retention run --dry-run
"""


def add_to(app: typer.Typer) -> None:
    app.add_typer(retention, name="retention")


@retention.command("show", help=SHOW_HELP)
def show(as_json: AsJson = False) -> None:
    from carehub import retention as work
    from carehub.output import print_json, print_table
    from carehub.settings import read_settings

    found = work.show(read_settings())
    if as_json:
        print_json(found)
    else:
        columns = ["kind", "days", "oldest", "due", "setting"]
        print_table(columns, ([each[name] for name in columns] for each in found), none="nothing is kept")


@retention.command("run", help=RUN_HELP)
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, and remove nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    from carehub import retention as work
    from carehub.output import print_facts, print_json
    from carehub.settings import read_settings

    settings = read_settings()
    if dry_run:
        told = {"due": {each["kind"]: each["due"] for each in work.show(settings)}}
    else:
        told = {"removed": work.run(settings)}
    print_json(told) if as_json else print_facts(told)
