"""The marked person: details so unlikely that any of them, wherever it is found, came from a message of this test."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

FAMILY: Final = "Zzyxwqvort"
GIVEN: Final = "Quillambrix"
STREET: Final = "Vexillomere"
POSTCODE: Final = "ZQ97 7XJ"
PHONE: Final = "07700900987"
EMAIL: Final = "qx.zzyx@vexmail.example"
NHS_NUMBER: Final = "9997314867"
LOCAL_NUMBER: Final = "HXQ7731904"
BORN: Final = "1931-07-23"
NOTE: Final = "the lodger glimpsed a quagswagger"

PERSON: Final[Mapping[str, tuple[str, ...]]] = {
    "family name": (FAMILY,),
    "given name": (GIVEN,),
    "address": (STREET,),
    "postcode": (POSTCODE, POSTCODE.replace(" ", "")),
    "phone": (PHONE, PHONE[1:], "07700 900987", "07700 900 987"),
    "e-mail": (EMAIL,),
    "NHS number": (NHS_NUMBER, "999 731 4867", "999-731-4867"),
    "hospital number": (LOCAL_NUMBER,),
    "date of birth": (BORN, "19310723", "23/07/1931", "23-07-1931", "23.07.1931", "23 July 1931"),
    "note": (NOTE, "quagswagger"),
}
"""What is searched for, each in its spellings."""

WORD: Final = FAMILY
"""Passes for a code, a name, an id, a key of JSON, a tag, a column."""

TEXT: Final = f"{GIVEN} {FAMILY}, {BORN}, {NHS_NUMBER}, {LOCAL_NUMBER}, {PHONE}, {STREET} {POSTCODE}: {NOTE}"
"""Passes for nothing but free text."""


def _forms(spelling: str) -> Iterator[bytes]:
    """A spelling as it stands, and as encoders and digests write it: a plain digest of a number of ten digits is as
    good as the number."""
    plain = spelling.encode()
    yield plain
    yield quote(spelling).encode()
    yield plain.hex().encode()
    for shift in range(3):  # base64 of it, wherever it stands in what was encoded
        yield base64.b64encode(bytes(shift) + plain)[4 if shift else 0 : -4]
    for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256):
        yield digest(plain).hexdigest().encode()
        yield digest(plain).digest()


_NAMES: Final = {
    form.lower(): name for name, spellings in PERSON.items() for spelling in spellings for form in _forms(spelling)
}
_ANY: Final = re.compile(b"|".join(re.escape(form) for form in sorted(_NAMES, key=len, reverse=True)))


def marks_in(content: bytes) -> set[str]:
    """The names of the details that stand in this text or these bytes, in any case and form."""
    return {_NAMES[found] for found in _ANY.findall(content.lower())}
