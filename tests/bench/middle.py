"""Decode → map → validate → restrict → bytes for one message, beside the same with fhir.resources as the validator."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

import orjson

from contract.identifiers import ResourceIds
from mappings import formats
from mappings.restriction import restrict
from mappings.stages import Format, MapContext, Sender
from mappings.validation import check_reference, validate
from tests.packs import built_in

CONTEXT = MapContext(Sender("bench-pas", "bench-pas", "RBD"), ResourceIds(b"bench"), datetime(2026, 7, 1, tzinfo=UTC))


def microseconds(work: Callable[[], object], runs: int, rounds: int = 7) -> float:
    """Median over `rounds` of the mean processor time of one call, in microseconds; one round before is not counted."""
    times = []
    for _ in range(rounds + 1):
        begun = time.process_time()
        for _ in range(runs):
            work()
        times.append((time.process_time() - begun) / runs * 1e6)
    return median(times[1:])


def measure(message: bytes, runs: int = 500) -> dict[str, float]:
    """Microseconds of each stage of the middle for one HL7 v2 message; `runs` is how often the whole is run a round."""
    pack = built_in("hl7v2-itk")
    decoded = formats.decode(message, Format.HL7V2)
    mapped = pack.map(decoded, CONTEXT)
    bundle = mapped.events[0].bundle
    wanted = orjson.dumps(bundle)

    def whole(check: Callable[[object], object]) -> int:
        result = pack.map(formats.decode(message, Format.HL7V2), CONTEXT)
        for event in result.events:
            if check(event.bundle):
                raise AssertionError("the message of the bench is not valid")
        return len(restrict(result))

    return {
        "message_bytes": float(len(message)),
        "bundle_bytes": float(len(wanted)),
        "bundle_resources": float(len(bundle["entry"])),
        "decode": microseconds(lambda: formats.decode(message, Format.HL7V2), runs),
        "map": microseconds(lambda: pack.map(decoded, CONTEXT), runs),
        "validate": microseconds(lambda: validate(bundle), runs),
        "restrict_and_bytes": microseconds(lambda: restrict(mapped), runs),
        "whole": microseconds(lambda: whole(validate), runs),
        "json_alone": microseconds(lambda: orjson.dumps(bundle), runs),
        "whole_with_fhir_resources": microseconds(lambda: whole(check_reference), max(runs // 20, 3)),
    }
