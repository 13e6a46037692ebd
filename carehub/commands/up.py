"""`carehub up`: broker, database, gateway, relay and consumer on this machine, in one command, until Ctrl-C."""

from __future__ import annotations

from typing import Annotated

import typer

from carehub.output import AsJson

UP_HELP = """Runs everything on this machine until Ctrl-C: broker and database of its own where none is configured.

Examples:

\b
    carehub up
    DATABASE_URL=postgresql://carehub@localhost/carehub carehub up
"""


def add_to(app: typer.Typer) -> None:
    app.command("up", help=UP_HELP)(up)


def up(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="HTTP port; 0 takes a free one.")] = 8080,
    mllp_port: Annotated[int, typer.Option(help="MLLP port with TLS, where the certificate names the source.")] = 2575,
    as_json: AsJson = False,
) -> None:
    from carehub.household import keep_house
    from carehub.settings import read_settings

    gateway = ["--host", host, "--port", str(port), "--mllp-port", str(mllp_port)]
    keep_house(read_settings(), gateway, as_json=as_json)
