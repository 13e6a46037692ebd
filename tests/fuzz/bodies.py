"""Bodies for schemathesis, loaded by its own command: good ones of each content type, whole and damaged."""

from __future__ import annotations

from typing import Final

import schemathesis
from hypothesis import strategies as st

from tests.fuzz import seeds

GOOD: Final = {
    "application/hl7-v2": seeds.hl7v2()[:40],
    "application/hl7-v2+er7": seeds.samples("hl7v2-itk"),
    "x-application/hl7-v2+er7": seeds.samples("hl7v2-itk")[:3],
    "application/fhir+json": seeds.fhir_json(),
    "application/fhir+xml": seeds.fhir_xml(),
    "application/cloudevents+json": (seeds.CLOUDEVENT,),
    "application/x-ndjson": seeds.rows(),
    "text/csv": seeds.csv(),
    "text/plain": seeds.every(),
    "application/json": (*seeds.rows(), *seeds.fhir_json()[:2]),
}


@st.composite
def sent(draw: st.DrawFn, bodies: tuple[bytes, ...]) -> bytes:
    """One of the bodies, half of the time with a piece replaced."""
    body = draw(st.sampled_from(bodies))
    if draw(st.booleans()):
        start = draw(st.integers(0, len(body)))
        body = body[:start] + draw(st.binary(max_size=8)) + body[start + draw(st.integers(0, 12)) :]
    return body


for _media_type, _bodies in GOOD.items():
    schemathesis.openapi.media_type(_media_type, sent(_bodies))
