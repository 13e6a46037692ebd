"""What became of a message, an event, a file; and what could not be turned into events."""

from __future__ import annotations

from typing import Annotated

import typer

from carehub.output import AsJson

messages = typer.Typer(no_args_is_help=True, help="Messages as they were received.")
events = typer.Typer(no_args_is_help=True, help="Events as they were published.")
batches = typer.Typer(no_args_is_help=True, help="Files of several messages.")
deadletters = typer.Typer(no_args_is_help=True, help="What was received and kept, and could not be turned into events.")

Id = Annotated[str, typer.Argument(metavar="ID")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(messages, name="messages")
    app.add_typer(events, name="events")
    app.add_typer(batches, name="batches")
    app.add_typer(deadletters, name="deadletters")


@messages.command("show", help="One message, its events, and where they are.\n\nExample: `carehub messages show ID`")
def show_message(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories

    _show(stories.message_of(id_), as_json=as_json)


@events.command("show", help="One event's life so far.\n\nExample: `carehub events show ID --json`")
def show_event(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories

    _show(stories.event_of(id_), as_json=as_json)


@batches.command(
    "show", help="One file: how far it is, and the rows that were refused.\n\nExample: `carehub batches show ID`"
)
def show_batch(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories

    _show(stories.batch_of(id_), as_json=as_json)


@deadletters.command("list", help="The newest first.\n\nExample: `carehub deadletters list --source dch-pas`")
def list_dead_letters(
    source: Annotated[str | None, typer.Option(help="Only of this source.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Closed and discarded ones, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    from carehub import stories
    from carehub.output import print_json, print_table

    found = stories.dead_letters(source, only_open=not every, limit=limit)
    if as_json:
        print_json(found)
        return
    rows = (
        [each["id"], each["source"], each["code"], each["issues"][0]["path"], each["count"], each["lastReceived"]]
        for each in found
    )
    print_table(["id", "source", "code", "where", "times", "last received"], rows, none="no dead letters")


@deadletters.command(
    "show", help="One dead letter, and why; never its content.\n\nExample: `carehub deadletters show ID`"
)
def show_dead_letter(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories

    _show(stories.dead_letter_of(id_), as_json=as_json)


def _show(found: dict[str, object], *, as_json: bool) -> None:
    """Facts a line each; what is many (events, issues, refusals) a line for each of them."""
    from carehub.output import print_facts, print_json

    if as_json:
        print_json(found)
        return
    facts: dict[str, object] = {}
    for name, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            facts.update({f"{name} {n}": ", ".join(f"{k} {v}" for k, v in _flat(e)) for n, e in enumerate(value, 1)})
        else:
            facts[name] = value
    print_facts(facts)


def _flat(fact: dict[str, object]) -> list[tuple[str, object]]:
    """The members of a part, those of its own parts among them."""
    flat: list[tuple[str, object]] = []
    for name, value in fact.items():
        if isinstance(value, list):
            flat.extend(pair for part in value if isinstance(part, dict) for pair in _flat(part))
        elif value is not None:
            flat.append((name, value))
    return flat
