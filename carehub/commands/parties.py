"""Who may do what: `carehub sources`, `carehub operators`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from carehub.output import AsJson

sources = typer.Typer(no_args_is_help=True, help="Registered sending systems.")
operators = typer.Typer(no_args_is_help=True, help="People and monitors who look at this hub, or work on it.")

ADD_HELP = """Registers a source, and prints its key once: only the key's hash is kept.

Examples:

\b
    carehub sources add dch-pas --organisation RBD --sector acute --place qvv --pack hl7v2-itk --mllp-port 2576
    carehub sources add dorset-cld --organisation 10074 --sector social-care --place qvv --pack cld --json
"""

SourceId = Annotated[str, typer.Argument(metavar="ID", help="The source's id, as in `sources list`.")]


class SectorName(StrEnum):
    ACUTE = "acute"
    PRIMARY_CARE = "primary-care"
    MENTAL_HEALTH = "mental-health"
    SOCIAL_CARE = "social-care"
    COMMUNITY = "community"
    SELF_CARE = "self-care"


class AckWhen(StrEnum):
    WHEN_MAPPED = "when-mapped"
    WHEN_KEPT = "when-kept"


class NhsNumbers(StrEnum):
    TRACED = "traced"
    AS_STATED = "as-stated"


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"


def add_to(app: typer.Typer) -> None:
    app.add_typer(sources, name="sources")
    app.add_typer(operators, name="operators")


@sources.command("add", help=ADD_HELP)
def add_source(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Lower case letters, digits and hyphens: `dch-pas`.")],
    organisation: Annotated[str, typer.Option(help="ODS code of the organisation that sends.")],
    sector: Annotated[SectorName, typer.Option(help="Sector of its events, and of their topic.")],
    place: Annotated[str, typer.Option(help="Code of its place; an unknown one is made.")],
    pack: Annotated[list[str], typer.Option(help="A pack that reads its messages; may be given several times.")],
    mllp_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port that is this source's alone.")] = None,
    certificate: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="PEM of its client certificate for MLLP with TLS.")
    ] = None,
    ack: Annotated[AckWhen, typer.Option(help="When MLLP answers AA: also for a dead letter?")] = AckWhen.WHEN_MAPPED,
    nhs_number: Annotated[
        NhsNumbers, typer.Option(help="Whether NHS numbers without a status count as verified.")
    ] = NhsNumbers.AS_STATED,
    identifiers_shared_with: Annotated[
        str | None, typer.Option(metavar="ID", help="Source whose local identifiers mean the same.")
    ] = None,
    authority: Annotated[
        bool, typer.Option("--authority", help="It may lift flags that another source has set on a person.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    from carehub.output import print_json, print_line, say
    from carehub.register import sources as sources_register
    from carehub.register.session import in_hub
    from carehub.settings import read_settings

    wanted = sources_register.NewSource(
        id=id_,
        organisation=organisation,
        sector=str(sector),
        place=place,
        packs=tuple(pack),
        mllp_port=mllp_port,
        certificate=certificate,
        ack=str(ack),
        traced=nhs_number is NhsNumbers.TRACED,
        shares_with=identifiers_shared_with,
        authority=authority,
    )
    added = in_hub(sources_register.add_source, wanted, read_settings().packs)
    if added.made_place:
        say(f"made the place {place}, without a parent (carehub places add {place} --parent …)")
    if as_json:
        print_json({"id": id_, "key": added.key})
    else:
        say(f"{id_} is registered. This is its key; it is shown only now:")
        print_line(added.key)


@sources.command("list", help="All sources.\n\nExample: `carehub sources list --json | jq -r .[].id`")
def list_sources(as_json: AsJson = False) -> None:
    from carehub.output import print_json, print_table
    from carehub.register import sources as sources_register
    from carehub.register.session import in_hub

    found = in_hub(sources_register.all_sources)
    if as_json:
        print_json(found)
        return
    columns = ["id", "organisation", "sector", "place", "packs", "mllp_port", "state", "last_seen"]
    rows = ([each[name] for name in columns] for each in found)
    print_table(columns, rows, none="no sources yet: carehub sources add --help")


@sources.command("show", help="One source.\n\nExample: `carehub sources show dch-pas`")
def show_source(id_: SourceId, as_json: AsJson = False) -> None:
    from carehub.output import print_facts, print_json
    from carehub.register import sources as sources_register
    from carehub.register.session import in_hub

    found = in_hub(sources_register.source_of, id_)
    print_json(found) if as_json else print_facts(found)


@sources.command("disable", help="Refuses everything from this source from now on, for good.")
def disable_source(id_: SourceId) -> None:
    from carehub.output import say
    from carehub.register import sources as sources_register
    from carehub.register.session import in_hub

    in_hub(sources_register.disable_source, id_)
    say(f"{id_} is disabled: its key is refused within 5 s")


@sources.command("pause", help="Asks this source to come again later (503, or AE), until `resume`.")
def pause_source(id_: SourceId) -> None:
    _pause(id_, paused=True)


@sources.command("resume", help="Takes messages from this source again.")
def resume_source(id_: SourceId) -> None:
    _pause(id_, paused=False)


@sources.command("rotate", help="Prints a new key once; the old one is refused within 5 s.")
def rotate_source(
    id_: SourceId,
    certificate: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="PEM of a new client certificate, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    from carehub.output import print_json, print_line
    from carehub.register import sources as sources_register
    from carehub.register.session import in_hub

    key = in_hub(sources_register.rotate_source, id_, certificate)
    print_json({"id": id_, "key": key}) if as_json else print_line(key)


@operators.command("add", help="Prints a key once.\n\nExample: `carehub operators add prometheus --role viewer --json`")
def add_operator(
    name: Annotated[str, typer.Argument(help="Name of the person or monitor.")],
    role: Annotated[Role, typer.Option(help="`viewer` looks, `operator` also works dead letters and replays.")],
    as_json: AsJson = False,
) -> None:
    from carehub.output import print_json, print_line, say
    from carehub.register import operators as operators_register
    from carehub.register.session import in_hub

    key = in_hub(operators_register.add_operator, name, str(role))
    if as_json:
        print_json({"id": name, "key": key})
    else:
        say(f"{name} is registered as {role}. This is the key; it is shown only now:")
        print_line(key)


@operators.command("list", help="All operators.")
def list_operators(as_json: AsJson = False) -> None:
    from carehub.output import print_json, print_table
    from carehub.register import operators as operators_register
    from carehub.register.session import in_hub

    found = in_hub(operators_register.all_operators)
    if as_json:
        print_json(found)
    else:
        print_table(["name", "role", "created"], (list(each.values()) for each in found), none="no operators yet")


@operators.command("disable", help="Refuses this operator's key from now on.")
def disable_operator(name: Annotated[str, typer.Argument()]) -> None:
    from carehub.output import say
    from carehub.register import operators as operators_register
    from carehub.register.session import in_hub

    in_hub(operators_register.disable_operator, name)
    say(f"{name} is disabled: the key is refused within 5 s")


def _pause(id_: str, *, paused: bool) -> None:
    from carehub.output import say
    from carehub.register import sources as sources_register
    from carehub.register.session import in_hub

    in_hub(sources_register.pause_source, id_, paused)
    say(f"{id_} is {'paused' if paused else 'taken in again'}, within 5 s")
