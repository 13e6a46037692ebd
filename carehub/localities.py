"""Where a command tries a mapping: at a place, or for a source, as the register of this environment knows them."""

from __future__ import annotations

from carehub.output import say
from carehub.register.places import locality_of
from carehub.register.session import in_hub_of
from carehub.settings import Settings
from contract.errors import Misconfigured
from mappings.language import ANYWHERE, Locality


def locality_for(settings: Settings, place: str | None, source: str | None) -> Locality:
    """Where a mapping runs at the place, or for this source: overlays and pins along the places it lies in.

    A place that no hub knows here is taken alone, and that is said: an overlay is written before its place is
    registered. Raises Declined for an unknown source, Misconfigured when there is no hub that could know it.
    """
    if place is None and source is None:
        return ANYWHERE
    try:
        found = in_hub_of(settings, locality_of, place, source)
        said = f"{place} is not registered here"
    except Misconfigured:
        if source is not None or place is None:
            raise
        found, said = None, "no hub is here that knows what it lies in"
    if found is not None:
        return found
    say(f"{said}: of places, the overlays of {place} alone apply, and nothing is pinned")
    return Locality((place,) if place is not None else (), source)
