"""`carehub demo`: real events of four sectors, from sender to consumer, in real processes."""

from __future__ import annotations

from typing import Annotated

import typer

DEMO_HELP = """Starts a hub, sends the samples of four sectors through its doors, and shows where each event came out.

On a terminal it then stays up until Ctrl-C; elsewhere, or with --exit, it ends. Exit code 1 when an event is missing.

Example:

\b
    carehub demo --exit
"""


def add_to(app: typer.Typer) -> None:
    app.command("demo", help=DEMO_HELP)(demo)


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="End when the table is printed, on a terminal too.")] = False,
) -> None:
    import sys

    from carehub.demo.run import run_demo
    from carehub.settings import read_settings

    raise typer.Exit(run_demo(read_settings(), stay=sys.stdout.isatty() and not leave))
