"""What became of a message, an event, a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from carehub.output import AsJson

messages = typer.Typer(no_args_is_help=True, help="Messages as they were received.")
events = typer.Typer(no_args_is_help=True, help="Events as they were published.")
batches = typer.Typer(no_args_is_help=True, help="Files of several messages.")

Id = Annotated[str, typer.Argument(metavar="ID")]

FIND_HELP = """What became of a message by the id that it has for its sender, with every dead letter of that id.

Example:

\b
    carehub messages find --source dch-pas 'ADT^A01^MSG00001'
"""


def add_to(app: typer.Typer) -> None:
    app.add_typer(messages, name="messages")
    app.add_typer(events, name="events")
    app.add_typer(batches, name="batches")


@messages.command(
    "show",
    help="The life of a message: mapped by what, published where and when, consumed by whom.\n\n"
    "Example: `carehub messages show ID`",
)
def show_message(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories
    from carehub.narrative import message_lines

    told = stories.message_of(id_)
    _print(told, message_lines(told), as_json=as_json)


@messages.command("find", help=FIND_HELP)
def find_messages(
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE-ID", help="MSH-9.1^MSH-9.2^MSH-10 for HL7 v2.")],
    source: Annotated[str, typer.Option(help="Who sent it.")],
    as_json: AsJson = False,
) -> None:
    from carehub import stories
    from carehub.narrative import message_lines

    told = stories.messages_named(source, message_id)
    _print(told, (line for message in told["messages"] for line in message_lines(message)), as_json=as_json)


@events.command("show", help="One event's life so far.\n\nExample: `carehub events show ID --json`")
def show_event(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories
    from carehub.narrative import event_lines

    told = stories.event_of(id_)
    _print(told, event_lines(told), as_json=as_json)


@batches.command(
    "show", help="One file: how far it is, and the rows that were refused.\n\nExample: `carehub batches show ID`"
)
def show_batch(id_: Id, as_json: AsJson = False) -> None:
    from carehub import stories
    from carehub.output import print_story

    print_story(stories.batch_of(id_), as_json=as_json)


def _print(told: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    from carehub.narrative import unknown_lines
    from carehub.output import print_json, print_line

    if as_json:
        print_json(told)
    else:
        for line in (*lines, *unknown_lines(told)):
            print_line(line)
