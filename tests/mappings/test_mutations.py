"""Whatever HL7 v2 message comes, it becomes events that are valid, or it is refused with a code and a place.

Messages are generated and damaged by seed, 10,000 of them: half a minute of one core.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Final

import pytest

from contract.errors import Code, Refusal, errors_of
from mappings import validation
from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.language import CompiledPack
from mappings.restriction import restrict
from tests.mappings.mutations import in_each_field, message
from tests.mappings.test_acute import CONTEXT
from tests.packs import built_in

SEEDS: Final = 10_000
OF_THE_WHOLE: Final = {Code.EMPTY, Code.BAD_ENCODING, Code.MALFORMED_HL7V2}
"""Refusals that may be about the body as a whole, and then name no place in it."""


@cache
def packs() -> tuple[CompiledPack, CompiledPack]:
    return built_in("hl7v2"), built_in("hl7v2-itk")


def outcome(body: bytes, pack: CompiledPack) -> str:
    """What became of it. Fails for an event that is not valid, and for a refusal without a code or a place."""
    try:
        mapped = pack.map(decode_hl7v2(body), CONTEXT)
    except Refusal as refused:
        wrong = errors_of(refused.issues)
        assert wrong
        assert Code.INTERNAL_ERROR not in {issue.code for issue in wrong}
        assert all(issue.path or issue.code in OF_THE_WHOLE for issue in wrong)
        return f"refused {wrong[0].code}"
    assert mapped.events
    for event in mapped.events:
        assert errors_of(validation.validate(event.bundle)) == ()
    assert restrict(mapped)
    return "events"


def tried(messages: Iterable[tuple[str, bytes, CompiledPack]]) -> Counter[str]:
    """Outcomes of all; a fault says which message it was by what stands before it."""
    found: Counter[str] = Counter()
    for which, body, pack in messages:
        try:
            found[outcome(body, pack)] += 1
        except Exception as fault:
            fault.add_note(which)
            raise
    return found


@pytest.mark.parametrize("start", range(0, SEEDS, SEEDS // 4))
def test_messages_that_nobody_should_send_give_valid_events_or_refusals(start: int) -> None:
    seeds = range(start, start + SEEDS // 4)
    found = tried((f"seed {seed}", message(seed), packs()[seed % 2]) for seed in seeds)
    assert found["events"] > SEEDS // 20
    assert len(found) > 4


def test_each_field_may_hold_what_should_not_stand_there() -> None:
    """A fifth of the values for each field, in turn: a quarter of a minute of one core."""
    found = tried((repr(body), body, packs()[1]) for body in in_each_field(share=5))
    assert found["events"] > 10_000
    assert found["refused malformed-hl7v2"] > 100  # MSH


def test_a_seed_always_makes_the_same_message() -> None:
    assert [message(seed) for seed in range(20)] == [message(seed) for seed in range(20)]
