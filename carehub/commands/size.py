"""`carehub size`: how large an installation must be."""

from __future__ import annotations

from typing import Annotated

import typer

from carehub.output import AsJson

HELP = """Disk, processes and connections for a load, and what each figure rests on (docs/size.md).

Example:

\b
    carehub size --messages-per-day 200000 --days 90
"""


def add_to(app: typer.Typer) -> None:
    app.command("size", help=HELP)(size)


def size(
    messages_per_day: Annotated[int, typer.Option(min=1, help="Of all sources together.")] = 200_000,
    days: Annotated[
        float | None, typer.Option(min=1, help="How long messages are kept. Default: CAREHUB_KEEP_MESSAGES_DAYS.")
    ] = None,
    kafka_days: Annotated[float, typer.Option(min=0.1, help="How long Kafka keeps events.")] = 7.0,
    copies: Annotated[int, typer.Option(min=1, help="Copies that Kafka keeps of each topic.")] = 3,
    reports: Annotated[float, typer.Option(min=0, max=100, help="Percent of messages that are reports.")] = 25.0,
    letters: Annotated[float, typer.Option(min=0, max=100, help="Percent that are letters with a document.")] = 5.0,
    document: Annotated[int, typer.Option(min=0, help="Bytes of a letter's document.")] = 100_000,
    people: Annotated[int, typer.Option(min=0, help="Persons that the hub comes to know.")] = 1_000_000,
    as_json: AsJson = False,
) -> None:
    from carehub.errors import WrongUsage
    from carehub.output import print_json, print_table
    from carehub.settings import read_settings
    from carehub.size import Load, as_document, figures

    if reports + letters > 100:
        raise WrongUsage("--reports and --letters are percent of all messages: together at most 100")
    kept = read_settings().keep_messages_days if days is None else days
    load = Load(messages_per_day, kept, kafka_days, copies, reports, letters, document, people)
    if as_json:
        print_json(as_document(load))
    else:
        rows = ([each.name, f"{_shown(each.value)} {each.unit}".strip(), each.basis] for each in figures(load))
        print_table(["what", "how much", "rests on"], rows, none="nothing")


def _shown(value: float) -> str:
    """Two digits are all that such figures are worth, but for counts of things."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
