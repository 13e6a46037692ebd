"""What a gateway loads once it is ready, behind the first messages: the judges of the resources that usually come."""

from __future__ import annotations

import asyncio
import gc
from typing import Final

from mappings.validation import prepare, prepare_reference

USUAL_RESOURCES: Final = (
    "Bundle", "MessageHeader", "Patient", "Encounter", "Organization", "Practitioner", "PractitionerRole", "Location",
    "Condition", "Observation", "EpisodeOfCare", "ServiceRequest", "Appointment", "CarePlan", "DiagnosticReport",
)  # fmt: skip
"""Types whose judges are made now; others are made when one is needed."""

_YOUNG_OBJECTS: Final = 10_000


async def warm_up(stop: asyncio.Event) -> None:
    """A part of a gateway: loads, and then has nothing to do until it is asked to stop."""
    await asyncio.to_thread(prepare, USUAL_RESOURCES)
    await asyncio.to_thread(prepare_reference, USUAL_RESOURCES)
    settle_memory()
    await stop.wait()


def settle_memory() -> None:
    """From now on the collector looks at what comes and goes, not at models and packs, which stay. Unsettled, its
    rounds through all of them took a tenth of a busy gateway's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
