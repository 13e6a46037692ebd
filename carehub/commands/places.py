"""`carehub places`: what lies in what, and the versions of packs that a place holds to."""

from __future__ import annotations

from typing import Annotated

import typer

from carehub.output import AsJson

places = typer.Typer(no_args_is_help=True, help="Areas that sources belong to.")

PlaceCode = Annotated[str, typer.Argument(metavar="CODE", help="The place's code, as in `places list`.")]
PackName = Annotated[str, typer.Argument(metavar="PACK", help="Name of the pack, as in `packs list`.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(places, name="places")


@places.command(
    "add",
    help='Adds a place, or changes its parent or name.\n\nExample: `carehub places add qvv --name "NHS Dorset ICB"`',
)
def add_place(
    code: Annotated[str, typer.Argument(help="Lower case letters, digits and hyphens: it stands in topic names.")],
    parent: Annotated[str | None, typer.Option(help="Code of the place it lies in.")] = None,
    name: Annotated[str | None, typer.Option(help="Its name, for people.")] = None,
    as_json: AsJson = False,
) -> None:
    from carehub.output import print_facts, print_json
    from carehub.register import places as places_register
    from carehub.register.session import in_hub

    place = in_hub(places_register.add_place, code, parent, name)
    print_json(place) if as_json else print_facts(place)


@places.command("list", help="All places.\n\nExample: `carehub places list`")
def list_places(as_json: AsJson = False) -> None:
    from carehub.output import print_json, print_table
    from carehub.register import places as places_register
    from carehub.register.session import in_hub

    found = in_hub(places_register.all_places)
    if as_json:
        print_json(found)
    else:
        print_table(["code", "name", "parent"], (list(each.values()) for each in found), none="no places yet")


@places.command(
    "show",
    help="One place, what it lies in, its sources, and the versions it runs.\n\nExample: `carehub places show qvv`",
)
def show_place(code: PlaceCode, as_json: AsJson = False) -> None:
    _show_place(code, as_json=as_json)


@places.command(
    "pin",
    help="Holds a place, and what lies in it, to a version of a pack; gateways run it within 5 s.\n\n"
    "The version must be on CAREHUB_PACKS, and every source of the place must be able to run it.\n\n"
    "Example: `carehub places pin qvv hl7v2-itk 1.0.0`",
)
def pin(
    code: PlaceCode,
    pack: PackName,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As its pack.yaml says: `1.0.0`.")],
    as_json: AsJson = False,
) -> None:
    from carehub.register import pins
    from carehub.settings import read_settings

    pins.pin(read_settings(), code, pack, version)
    _show_place(code, as_json=as_json)


@places.command(
    "unpin",
    help="Lets a place run what it lies in runs, else the version there is.\n\n"
    "Example: `carehub places unpin qvv hl7v2-itk`",
)
def unpin(code: PlaceCode, pack: PackName, as_json: AsJson = False) -> None:
    from carehub.register import pins
    from carehub.settings import read_settings

    pins.unpin(read_settings(), code, pack)
    _show_place(code, as_json=as_json)


def _show_place(code: str, *, as_json: bool) -> None:
    from carehub.output import print_facts, print_json
    from carehub.register import places as places_register
    from carehub.register.session import in_hub

    found = in_hub(places_register.place_of, code)
    print_json(found) if as_json else print_facts(found)
