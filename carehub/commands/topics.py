"""`carehub topics`, `tail` and `consumers`: which event topics there are, what goes through one, who has read it."""

from __future__ import annotations

from typing import Annotated

import typer

from carehub.output import AsJson

TAIL_HELP = """Shows the events of a topic as they come, one line each, whole with --json. Published events only.

Examples:

\b
    carehub tail care.qvv.acute.v1
    carehub tail care.qvv.acute.v1 --from-start --count 1 --json | jq .value
"""

APPLY_HELP = """Makes the topics that are missing. Of those that are there it raises a size limit below the hub's, and
switches compaction off, which would keep one event of each person; how long Kafka keeps events stays as it is. Exits
with 1 when a topic has another number of partitions, which cannot be changed in place.

Example:

\b
    carehub topics apply
"""

CONSUMERS_HELP = """The consumer groups that read event topics: how many consumers are at work in each, how many events
at most it has not read yet, and when the first of these was published. Exits with 1 when Kafka has removed events that
a group had not read.

Examples:

\b
    carehub consumers
    carehub consumers --json | jq '.[] | select(.unread > 0)'
"""

topics = typer.Typer(no_args_is_help=True, help="Event topics: what sources fill, and what Kafka has.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(topics, name="topics")
    app.command("tail", help=TAIL_HELP)(tail)
    app.command("consumers", help=CONSUMERS_HELP)(consumers)


@topics.command("list", help="Topics that the registered sources fill.\n\nExample: `carehub topics list --json`")
def list_(as_json: AsJson = False) -> None:
    import asyncio
    from dataclasses import asdict

    from carehub.output import print_json, print_table
    from carehub.settings import read_settings
    from carehub.topics import topic_states

    states = asyncio.run(topic_states(read_settings()))
    if as_json:
        print_json([asdict(state) for state in states])
        return
    rows = ([s.topic, s.partitions or "not there yet", s.events, s.sources] for s in states)
    print_table(["topic", "partitions", "events", "sources"], rows, none="no sources are registered yet")


@topics.command("show", help="One topic: its partitions and how far each is.\n\nExample: `carehub topics show T`")
def show(topic: Annotated[str, typer.Argument(help="`care.<place>.<sector>.v1`")], as_json: AsJson = False) -> None:
    import asyncio

    from carehub.output import print_json, print_table
    from carehub.settings import read_settings
    from carehub.tail import partitions_of

    partitions = asyncio.run(partitions_of(read_settings(), topic))
    if as_json:
        print_json({"topic": topic, "partitions": partitions})
        return
    rows = ([p["partition"], p["start"], p["end"], p["end"] - p["start"]] for p in partitions)
    print_table(["partition", "start", "end", "events"], rows, none="no partitions")


@topics.command("apply", help=APPLY_HELP)
def apply(as_json: AsJson = False) -> None:
    import asyncio
    from dataclasses import asdict

    from carehub.commands import exits
    from carehub.output import print_json, print_table
    from carehub.settings import read_settings
    from carehub.topics import apply_topics

    applied = asyncio.run(apply_topics(read_settings()))
    if as_json:
        print_json(asdict(applied))
    else:
        changed = (["set", each.topic, f"{each.setting} {each.needed}, was {each.found}"] for each in applied.changed)
        left = (["NOT SET", each.topic, f"{each.setting} {each.found}, not {each.needed}"] for each in applied.left)
        rows = [*(["made", name, ""] for name in applied.made), *changed, *left]
        print_table(["", "topic", "setting"], rows, none="every topic is there, and set as the hub needs it")
    if applied.left:
        raise typer.Exit(exits.NO)


def tail(
    topic: Annotated[str, typer.Argument(help="`care.<place>.<sector>.v1`")],
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest event.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Leave after so many events.")] = None,
    as_json: AsJson = False,
) -> None:
    import asyncio

    from carehub.settings import read_settings
    from carehub.tail import follow

    asyncio.run(follow(read_settings(), topic, from_start=from_start, count=count, as_json=as_json))


def consumers(as_json: AsJson = False) -> None:
    import asyncio
    from dataclasses import asdict

    from carehub.commands import exits
    from carehub.consumer_groups import group_faults, group_states
    from carehub.kafka import need_kafka
    from carehub.output import print_json, print_table, say
    from carehub.settings import read_settings
    from carehub.tail import topics_of

    bootstrap = need_kafka(read_settings()).bootstrap
    states = asyncio.run(group_states(bootstrap, asyncio.run(topics_of(bootstrap))))
    if as_json:
        print_json([asdict(state) for state in states])
    else:
        rows = ([s.group, s.members, s.topics, s.unread, s.since] for s in states)
        columns = ["group", "consumers", "topics", "not read", "since"]
        print_table(columns, rows, none="no group has read an event topic yet")
    faults = group_faults(states)
    for sentence in faults:
        say(sentence)
    if faults:
        raise typer.Exit(exits.NO)
