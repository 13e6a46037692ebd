"""The command `carehub`. Commands import what they need when they run, so that `carehub --help` answers at once.

Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 something needed is away.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from carehub import commands
from carehub.commands import exits
from carehub.output import say


class Commands(TyperGroup):
    """Turns every error raised on purpose into one line on standard error and an exit code, and nothing else."""

    def invoke(self, ctx: Any) -> Any:
        from contract.errors import CarehubError

        try:
            return super().invoke(ctx)
        except CarehubError as error:
            say(f"carehub: {error}")
            raise typer.Exit(exits.code_of(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(exits.INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="An event-driven integration hub for health and care: events in any national format, out as FHIR R4 on Kafka.",
    epilog="Start here: `carehub up`, then `carehub sources add --help`.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("carehub"))
        except PackageNotFoundError:
            typer.echo("unknown: run from a checkout")
        raise typer.Exit


@app.callback()
def carehub(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """An event-driven integration hub for health and care."""


commands.add_to(app)
