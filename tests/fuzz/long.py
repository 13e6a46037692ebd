"""What decoders and the middle promise of long bodies: their time grows with the length, not with its square.

A fuzzer's inputs are short. These are recipes instead: `head ÿ unit ÿ tail`, of which the unit is repeated until the
body is long; a `#` in it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from tests.fuzz import decoders

LONG: Final = 96 * 1024
SHORT: Final = 8 * 1024
"""For the middle, which does much more for each octet."""

_TYPES: Final = {b"<": "application/fhir+xml", b"{": "application/fhir+json", b"[": "application/json"}


def swollen(recipe: bytes, length: int) -> bytes:
    head, _, rest = recipe.partition(b"\xff")
    unit, _, tail = rest.partition(b"\xff")
    times = max(1, (length - len(head) - len(tail)) // max(1, len(unit)))
    if b"#" in unit:
        return head + b"".join(unit.replace(b"#", b"%d" % n) for n in range(times)) + tail
    return head + unit * times + tail


def decoded(recipe: bytes) -> None:
    """By the content type that its first character suggests, else as HL7 v2 and as CSV."""
    body = swollen(recipe, LONG)
    if body[:1] in _TYPES:
        decoders.file(body, _TYPES[body[:1]])
        decoders.file(body, "application/x-ndjson")
    else:
        decoders.file(body, "application/hl7-v2")
        decoders.file(body, "text/csv")


def at_length(promise: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The promise of the body that a recipe makes."""
    return lambda recipe: promise(swollen(recipe, SHORT))


def recipes(bodies: Iterable[bytes]) -> tuple[bytes, ...]:
    """Each line of each body repeated in its place, and some that were slow in other readers."""
    found = [
        b"\xff".join((body[:start], body[start : start + size], body[start + size :]))
        for body in bodies
        for start, size in _lines(body)
    ]
    return (*found, *_KNOWN_TO_BE_HARD)


def _lines(body: bytes) -> Iterable[tuple[int, int]]:
    start = 0
    for line in body[:2000].replace(b"\n", b"\r").split(b"\r"):
        if line and start + len(line) < len(body):
            yield start, len(line) + 1
        start += len(line) + 1


_KNOWN_TO_BE_HARD: Final = (
    b"\xff[\xff",
    b'{"resourceType":\xff{"a":\xff',
    b'[\xff{"a#":1},\xff{}]',
    b'{"a":1\xff,"b#":2.5\xff}',
    b"<Bundle xmlns='http://hl7.org/fhir'>\xff<entry>\xff</Bundle>",
    b"<Bundle xmlns='http://hl7.org/fhir'>\xff<link/>\xff</Bundle>",
    b"\xffa#,\xff\n1,2\n",
    b'a,b\n\xff"x\xff',
    b"a\n\xff1,2\n\xff",
    b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.4\rPID|1||\xff1^^^PAS~\xff\r",
    b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.4\rNTE|1||\xff\\X41\xff\r",
    b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.4\rOBX|1|TX|a||\xffx\r \r\xff\r",
)
