"""What the middle promises of any bytes, with the real packs: valid drafts, or a refusal that names the place at fault.

Nothing guards it here, as intake does: a fault of our own comes out as itself instead of `internal-error`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Final

from contract.errors import Code, Issue, Refusal, errors_of
from contract.identifiers import ResourceIds
from mappings import formats
from mappings.language import CompiledPack, load_pack
from mappings.language.cache import Cache
from mappings.restriction import restrict
from mappings.stages import Decoded, Format, MapContext, Mapped, ParentState, Sender
from mappings.validation import judges_of
from tests.fuzz.decoders import readable
from tests.fuzz.seeds import samples
from tests.servers import data_folder

CONTEXT: Final = MapContext(Sender("syn", "syn", "RDY"), ResourceIds(b"test key"), datetime(2026, 7, 1, 12, tzinfo=UTC))
WHOLE: Final = {
    Code.EMPTY,
    Code.BAD_ENCODING,
    Code.UNRECOGNISED_FORMAT,
    Code.MALFORMED_HL7V2,
    Code.MALFORMED_JSON,
    Code.MALFORMED_XML,
    Code.MALFORMED_CSV,
    Code.FORBIDDEN_XML,
}
"""Refusals of decoding, which may be about the body as a whole and then name no place in it."""


class BrokenPromise(AssertionError):
    """The middle did what it promises never to do."""


@cache
def pack(name: str) -> CompiledPack:
    return load_pack(name, cache=Cache(data_folder() / "packs"))


def to_drafts(name: str, content_type: str) -> Callable[[bytes], None]:
    """The promise for messages of this type that the pack of that name maps; its samples are what came before."""

    def promise(body: bytes) -> None:
        try:
            for message, its_type in messages(body, content_type):
                drafts_of(message, its_type, name)
        except Refusal as refused:
            refused_well(refused.issues)

    return promise


def messages(body: bytes, content_type: str) -> Iterator[tuple[bytes, str]]:
    parts = formats.split(body, content_type)
    if parts is None:
        yield body, content_type
        return
    for part in parts:
        if part.issue is None:
            yield part.body, part.content_type


def drafts_of(body: bytes, content_type: str, name: str) -> None:
    try:
        decoded = formats.decode(body, formats.recognise(body, content_type))
        context = context_of(decoded, name)
        if context is None:
            return
        mapped = pack(name).map(decoded, context)
        if not valid(mapped, decoded):
            return
        drafts = restrict(mapped, pack(name).rules)
    except Refusal as refused:
        refused_well(refused.issues)
        return
    if not drafts:
        raise BrokenPromise("a message was taken and made no event")
    readable(mapped.issues)


def context_of(decoded: Decoded, name: str) -> MapContext | None:
    """None where the message would wait for a parent that no sample has brought."""
    known = parents_of(name)
    if any(parent.resource_id not in known for parent in pack(name).parents(decoded, CONTEXT)):
        return None
    return replace(CONTEXT, parents=known)


@cache
def parents_of(name: str) -> dict[str, ParentState]:
    """What the samples of a pack bring that others hang on, whatever their order."""
    known: dict[str, ParentState] = {}
    for body in samples(name) * 2 if pack(name).format in (Format.JSON, Format.CSV) else ():
        for message, content_type in messages(body, "application/json" if body[:1] == b"{" else "text/csv"):
            with suppress(Refusal):
                decoded = formats.decode(message, formats.recognise(message, content_type))
                mapped = pack(name).map(decoded, replace(CONTEXT, parents=known))
                known.update({state.resource_id: state.state for event in mapped.events for state in event.states})
    return known


def valid(mapped: Mapped, decoded: Decoded) -> bool:
    """What a pack made of HL7 v2 or rows is valid whatever came in. FHIR that a sender made may not be, and is refused
    with its place: then nothing more is done with it."""
    wrong = errors_of(
        [i for event in mapped.events for judge in judges_of(decoded.format) for i in judge(event.bundle)]
    )
    if not wrong:
        return True
    if len(judges_of(decoded.format)) == 1:
        raise BrokenPromise(f"a pack made what is not FHIR R4, at {', '.join(issue.path for issue in wrong)}")
    refused_well(wrong)
    return False


def refused_well(issues: tuple[Issue, ...]) -> None:
    wrong = errors_of(issues)
    readable(issues)
    if not wrong:
        raise BrokenPromise("a refusal without an error")
    if any(issue.code is Code.INTERNAL_ERROR for issue in wrong):
        raise BrokenPromise("an internal error")
    if any(not issue.path and issue.code not in WHOLE for issue in wrong):
        raise BrokenPromise(f"a refusal that names no place: {wrong[0].code}")
