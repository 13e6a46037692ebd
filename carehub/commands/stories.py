"""What became of a message, an event, a file."""

from __future__ import annotations

from typing import Annotated

import typer

from carehub.output import AsJson

messages = typer.Typer(no_args_is_help=True, help="Messages as they were received.")
events = typer.Typer(no_args_is_help=True, help="Events as they were published.")
batches = typer.Typer(no_args_is_help=True, help="Files of several messages.")

Id = Annotated[str, typer.Argument(metavar="ID")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(messages, name="messages")
    app.add_typer(events, name="events")
    app.add_typer(batches, name="batches")


@messages.command("show", help="One message, its events, and where they are.\n\nExample: `carehub messages show ID`")
def show_message(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories
    from carehub.output import print_story

    print_story(stories.message_of(id_), as_json=as_json)


@events.command("show", help="One event's life so far.\n\nExample: `carehub events show ID --json`")
def show_event(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories
    from carehub.output import print_story

    print_story(stories.event_of(id_), as_json=as_json)


@batches.command(
    "show", help="One file: how far it is, and the rows that were refused.\n\nExample: `carehub batches show ID`"
)
def show_batch(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories
    from carehub.output import print_story

    print_story(stories.batch_of(id_), as_json=as_json)
