"""The versions of packs that places hold to: a place adopts the next one when it says so, and only one that works.

What would run is compiled before anything is written: a pin that its sources cannot run would stop them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from carehub.errors import Declined, WrongUsage
from carehub.register.credentials import note
from carehub.register.places import place_of
from carehub.register.session import in_hub_of
from carehub.settings import Settings
from gateway.store.localities import ancestors, locality_at, read_places
from gateway.store.models import pack_pin, source
from mappings.language import Cache, Catalogue, Locality, PackError, PackProblem, load_layers
from mappings.language.problems import Problems


def pin(settings: Settings, code: str, pack: str, version: str) -> None:
    """From now on the place, and what lies in it, runs this version of the pack.

    Raises WrongUsage for a pack or version that the search path has not, Declined for no place, and for a version that
    the place or one of its sources could not run.
    """
    known = Catalogue(settings.packs)
    if pack not in known.packs:
        raise WrongUsage(f"there is no pack {pack}; there are: {', '.join(sorted(known.packs))}")
    if version not in (there := known.versions(pack)):
        found = ", ".join(there) or "none that can be read"
        advice = f"put the folder {pack}@{version} on CAREHUB_PACKS"
        raise WrongUsage(f"there is no {pack} {version}; there are: {found} ({advice})")
    _check(settings, in_hub_of(settings, runs_with, code, pack, version), pack, f"{code} cannot hold to {version}")
    in_hub_of(settings, pin_version, code, pack, version)


def unpin(settings: Settings, code: str, pack: str) -> None:
    """From now on the place runs what it lies in runs. Raises Declined where nothing is pinned, or as pin does."""
    _check(settings, in_hub_of(settings, runs_with, code, pack, None), pack, f"{code} cannot run what is there now")
    if not in_hub_of(settings, unpin_version, code, pack):
        raise Declined(f"{code} pins no version of {pack} (carehub places show {code})")


def pin_version(connection: Connection, code: str, pack: str, version: str) -> None:
    """Writes the pin. Raises Declined for no place."""
    unpin_version(connection, code, pack)
    connection.execute(insert(pack_pin).values(place=code, pack=pack, version=version))
    note(connection, "pack-pinned", code, pack=pack, version=version)


def unpin_version(connection: Connection, code: str, pack: str) -> bool:
    """Whether there was a pin to take away. Raises Declined for no place."""
    place_of(connection, code)
    held = (pack_pin.c.place == code, pack_pin.c.pack == pack)
    gone = connection.execute(delete(pack_pin).where(*held)).rowcount > 0
    if gone:
        note(connection, "pack-unpinned", code, pack=pack)
    return gone


def runs_with(connection: Connection, code: str, pack: str, version: str | None) -> list[tuple[str, Locality]]:
    """What the place, and each source in it, would run if it held to that version of the pack, or (None) to none."""
    place_of(connection, code)
    parents, pins = read_places(connection)
    held = {name: at for name, at in pins.get(code, {}).items() if name != pack}
    pins[code] = held | ({pack: version} if version is not None else {})
    found = [(pack, locality_at(code, parents, pins))]
    for row in connection.execute(select(source.c.id, source.c.place, source.c.packs).where(~source.c.disabled)):
        if code in ancestors(row.place, parents):
            found += [(name, locality_at(row.place, parents, pins, row.id)) for name in row.packs]
    return found


def _check(settings: Settings, runs: Iterable[tuple[str, Locality]], pack: str, said: str) -> None:
    mistakes = _mistakes(runs, pack, settings.packs, Cache(settings.pack_cache))
    if mistakes:
        shown = "\n\n".join(map(str, mistakes))
        raise Declined(f"{said}; nothing is changed:\n\n{shown}")


def _mistakes(
    runs: Iterable[tuple[str, Locality]], pack: str, search: Sequence[Path], cache: Cache
) -> list[PackProblem]:
    """What stops those of the runs that build on the pack."""
    catalogue = Catalogue(search)
    found: dict[PackProblem, None] = {}
    tried: set[tuple[Path, ...]] = set()
    for name, locality in runs:
        problems = Problems()
        layers = catalogue.layers(name, problems, locality)
        found |= dict.fromkeys(problems.errors)
        roots = tuple(layer.root for layer in layers)
        if roots in tried or pack not in (layer.manifest.name for layer in layers):
            continue
        tried.add(roots)
        try:
            load_layers(layers, cache)
        except PackError as error:
            found |= dict.fromkeys(error.problems)
    return list(found)
