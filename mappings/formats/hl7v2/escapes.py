r"""Escape sequences (HL7 v2.8 §2.7): undone last, after all splitting, so that `\S\` never becomes a separator."""

from __future__ import annotations

import re
from functools import lru_cache

from mappings.formats.hl7v2.charsets import BYTE_ORDER_MARK
from mappings.formats.hl7v2.delimiters import STANDARD, UNDECLARED, Delimiters

_LINES = frozenset({"br", "sp", "ce"})
_SPACES = "sk"
_MOST_REPEATS = 100


def unescape(text: str, delimiters: Delimiters) -> str:
    r"""The text as a person reads it.

    `\F\ \S\ \T\ \R\ \E\ \P\` become the message's own delimiters, `\.br\ \.sp3\ \.ce\` line ends, `\.sk3\` spaces,
    `\X0D0A\` the bytes it spells (UTF-8, else Windows-1252). Highlighting `\H\ \N\`, the layout commands
    `\.in\ \.ti\ \.fi\ \.nf\` and a byte order mark, which means nothing, are dropped. What is none of these stays as it
    is: a lone escape character, character set switches `\C..\ \M..\`, local `\Z..\`, and hexadecimal that would bring a
    control character.
    """
    escape = delimiters.escape
    if escape not in text:
        return text
    plain = {
        "F": delimiters.field,
        "S": delimiters.component,
        "R": delimiters.repetition,
        "E": escape,
        "T": STANDARD.subcomponent if delimiters.subcomponent == UNDECLARED else delimiters.subcomponent,
        "P": delimiters.truncation or f"{escape}P{escape}",
        "H": "",
        "N": "",
    }

    def written_out(found: re.Match[str]) -> str:
        letter, command, count, spelt = found.groups()
        if letter:
            return plain[letter]
        if command:
            return _layout(command.lower(), count)
        return _spelt_out(spelt) or found[0]

    return _sequences(escape).sub(written_out, text).replace(BYTE_ORDER_MARK, "")


def is_blank(text: str, delimiters: Delimiters) -> bool:
    r"""Whether a field, repetition or component says nothing to a person: empty, white space, bare delimiters such as
    `^^^`, or escape sequences of which nothing stays, such as `\.br\`.

    HL7 null (`""`) is not blank: it says "delete".
    """
    marks = delimiters.component + delimiters.subcomponent + delimiters.repetition
    rest = text.strip(f" \t\r\n{marks}")
    if not rest or not (rest[0].isspace() or rest[0] == delimiters.escape):
        return not rest
    for mark in marks:
        rest = rest.replace(mark, " ")
    return not unescape(rest, delimiters).strip()


@lru_cache(maxsize=16)
def _sequences(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(
        rf"{mark}(?:([FSTREPHN])|\.((?i:br|sp|sk|ce|in|ti|fi|nf))[+-]?([0-9]{{0,3}})|X((?:[0-9A-Fa-f]{{2}})+)){mark}"
    )


def _layout(command: str, count: str) -> str:
    times = min(int(count or 1), _MOST_REPEATS)
    if command in _LINES:
        return "\n" * times if command == "sp" else "\n"
    return " " * times if command == _SPACES else ""


def _spelt_out(digits: str) -> str:
    raw = bytes.fromhex(digits)
    if any(octet < 32 and octet not in b"\t\r\n" for octet in raw):
        return ""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="ignore")
