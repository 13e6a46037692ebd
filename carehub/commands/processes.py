"""The processes of a hub, one command each, ended cleanly by SIGTERM: gateway, relay, consume, broker; and migrate."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from carehub.output import AsJson

MIGRATE_HELP = """Brings the databases to the newest revision. Safe to repeat.

Examples:

\b
    carehub migrate
    carehub migrate hub
"""
GATEWAY_HELP = """Runs one gateway: HTTP and MLLP in; on SQLite also the relay, and a Kafka where none is configured.

Examples:

\b
    carehub gateway --port 8080
    carehub gateway --host 127.0.0.2 --port 0 --json
"""
RELAY_HELP = """Runs one relay: publishes what gateways have kept. On SQLite the gateway does it, and this says so.

Example:

\b
    KAFKA_BOOTSTRAP_SERVERS=kafka:9092 DATABASE_URL=postgresql://carehub@db/carehub carehub relay
"""
CONSUME_HELP = """Runs consumer apps: `timeline`, or a module of your own as `package.module`.

Examples:

\b
    carehub consume timeline
    PYTHONPATH=. carehub consume my_region.beds
"""
BROKER_HELP = """Runs a Kafka of this machine: Apache Kafka where Java and Maven are present, else a stand-in in memory.

Example:

\b
    carehub broker --port 9092
"""


class Which(StrEnum):
    HUB = "hub"
    CONSUMERS = "consumers"


def add_to(app: typer.Typer) -> None:
    app.command("migrate", help=MIGRATE_HELP)(migrate)
    app.command("gateway", help=GATEWAY_HELP)(gateway)
    app.command("relay", help=RELAY_HELP)(relay)
    app.command("consume", help=CONSUME_HELP)(consume)
    app.command("broker", help=BROKER_HELP)(broker)


def migrate(
    which: Annotated[Which | None, typer.Argument(help="Only this one. Default: both.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    from carehub.databases import migrate_consumers, migrate_hub
    from carehub.output import print_facts, print_json
    from carehub.settings import read_settings

    settings = read_settings()
    settings.make_data()
    revisions: dict[str, str] = {}
    if which is not Which.CONSUMERS:
        revisions["hub"] = migrate_hub(settings)
    if which is not Which.HUB:
        revisions.update(migrate_consumers(settings))
    if as_json:
        print_json(revisions)
    else:
        print_facts(revisions)


def gateway(
    host: Annotated[str, typer.Option(help="Address to listen on, HTTP and MLLP alike.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="HTTP port; 0 takes a free one.")] = 8080,
    mllp_port: Annotated[int, typer.Option(help="MLLP port with TLS, where the certificate names the source.")] = 2575,
    as_json: AsJson = False,
) -> None:
    from carehub.memory import rest_collector

    rest_collector()
    from carehub.household import kafka_of_gateway
    from carehub.logs import set_up_logs
    from carehub.loop import run
    from carehub.processes import run_gateway
    from carehub.settings import read_settings

    settings = read_settings()
    set_up_logs(settings, "gateway")
    with kafka_of_gateway(settings) as kafka:
        run(run_gateway(settings, host, port, mllp_port, kafka, as_json=as_json))


def relay(as_json: AsJson = False) -> None:
    from carehub.logs import set_up_logs
    from carehub.loop import run
    from carehub.output import say
    from carehub.processes import run_relay
    from carehub.settings import read_settings

    settings = read_settings()
    if settings.on_sqlite:
        say("with SQLite the gateway runs the relay itself: nothing to do here")
        return
    set_up_logs(settings, "relay")
    run(run_relay(settings, as_json=as_json))


def consume(
    apps: Annotated[list[str], typer.Argument(help="Names of apps that come along, or of modules on the path.")],
    as_json: AsJson = False,
) -> None:
    from carehub.consuming import run_consumers
    from carehub.logs import set_up_logs
    from carehub.loop import run
    from carehub.settings import read_settings

    settings = read_settings()
    set_up_logs(settings, "consumer")
    run(run_consumers(settings, apps, as_json=as_json))


def broker(
    port: Annotated[int, typer.Option(help="Port of Apache Kafka; 0 takes a free one.")] = 0,
    fetch: Annotated[bool, typer.Option("--fetch", help="Only fetch Apache Kafka, and leave.")] = False,
    as_json: AsJson = False,
) -> None:
    from carehub.broker.jars import fetch_jars
    from carehub.household import keep_broker
    from carehub.output import say
    from carehub.settings import read_settings

    settings = read_settings()
    settings.make_data()
    if fetch:
        fetch_jars(settings.data, say)
    else:
        keep_broker(settings, port, as_json=as_json)
