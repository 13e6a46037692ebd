"""The five or six characters that a message declares in MSH-1 and MSH-2, and the splitting they govern."""

from __future__ import annotations

import string
from dataclasses import dataclass

from contract.errors import Code, Undecodable, refuse

_ALLOWED = frozenset(string.punctuation) - {'"'}
UNDECLARED = "\0"
"""Where a character is not declared: it may not stand in a message, so that nothing is split by it."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """HL7 v2.8 §2.5.4. `truncation` is the fifth encoding character that version 2.7 added, empty if not declared."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""


STANDARD = Delimiters()


def read_delimiters(header: str) -> Delimiters:
    """The delimiters that a header segment (MSH, FHS, BHS) declares.

    Raises Undecodable with the path `MSH-1` or `MSH-2` when they are cut short, repeated or no delimiters at all.
    """
    name = header[:3]
    if header.startswith("|^~\\&|", 3):
        return STANDARD
    separator = header[3:4]
    if separator not in _ALLOWED or not separator:
        raise refuse(
            Undecodable,
            Code.MALFORMED_HL7V2,
            f"the character after {name} is the field separator and must be a punctuation mark, usually |",
            f"{name}-1",
        )
    encoding, found, _ = header[4:].partition(separator)
    if not found:
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, f"the {name} segment ends within its first fields", name)
    path = f"{name}-2"
    if not 2 <= len(encoding) <= 5:
        raise refuse(
            Undecodable,
            Code.MALFORMED_HL7V2,
            f"{path} must hold the encoding characters, usually ^~\\&, and holds {len(encoding)}",
            path,
        )
    if not _ALLOWED.issuperset(encoding):
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, f"{path} may hold punctuation marks only, usually ^~\\&", path)
    if len({separator, *encoding}) != len(encoding) + 1:
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, f"two of the characters of {name}-1 and {path} are equal", path)
    return Delimiters(separator, *in_their_places(encoding))


def in_their_places(encoding: str) -> str:
    r"""Component, repetition, escape and subcomponent, UNDECLARED where a sender declares fewer: those of `^~&` lost
    their backslash, those of `^~\` never used `&`."""
    before = UNDECLARED if len(encoding) == 3 and encoding[2] != "\\" else ""
    return (encoding[:2] + before + encoding[2:]).ljust(4, UNDECLARED)


def component(text: str, n: int, delimiters: Delimiters) -> str:
    """The n-th component (from 1) of one repetition, raw; empty if there are fewer."""
    mark = delimiters.component
    if mark not in text:
        return text if n == 1 else ""
    parts = text.split(mark, n)
    return parts[n - 1] if n <= len(parts) else ""


def subcomponent(text: str, m: int, delimiters: Delimiters) -> str:
    """The m-th subcomponent (from 1) of one component, raw; empty if there are fewer."""
    mark = delimiters.subcomponent
    if mark not in text:
        return text if m == 1 else ""
    parts = text.split(mark, m)
    return parts[m - 1] if m <= len(parts) else ""
