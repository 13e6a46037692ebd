"""What a gateway loads once it is ready, behind the first messages: the judges of the resources that usually come."""

from __future__ import annotations

import asyncio
from typing import Final

from carehub.memory import settle_memory
from mappings.validation import prepare, prepare_reference

USUAL_RESOURCES: Final = (
    "Bundle", "MessageHeader", "Patient", "Encounter", "Organization", "Practitioner", "PractitionerRole", "Location",
    "Condition", "Observation", "EpisodeOfCare", "ServiceRequest", "Appointment", "CarePlan", "DiagnosticReport",
)  # fmt: skip
"""Types whose judges are made now; others are made when one is needed."""


async def warm_up(stop: asyncio.Event) -> None:
    """A part of a gateway: loads, and then has nothing to do until it is asked to stop."""
    await asyncio.to_thread(prepare, USUAL_RESOURCES)
    await asyncio.to_thread(prepare_reference, USUAL_RESOURCES)
    settle_memory()
    await stop.wait()
