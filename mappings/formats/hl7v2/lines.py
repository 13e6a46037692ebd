"""From text to segment lines: separators of any kind, continuation lines, and the limits that bound time and memory."""

from __future__ import annotations

import re
import string
from functools import cache

from contract.errors import Code, Issue, Severity, Undecodable, refuse
from mappings.formats.hl7v2.delimiters import Delimiters
from mappings.formats.hl7v2.dictionary import segments as standard_segments

LARGE = 64 * 1024
"""Characters from which on the limits below are checked; a smaller text cannot exceed what is harmless."""
MOST_LINES = 100_000
MOST_DELIMITERS = 20_000
"""Of one kind within one segment longer than LARGE."""

_STARTS_OTHERS = frozenset({"MSH", "FHS", "BHS", "BTS", "FTS"})
_NAME_LETTERS = string.ascii_uppercase + string.digits
_NAME = re.compile(r"([A-Za-z][A-Za-z0-9]{2})[ \t]*")
_BEGUN_NAME = re.compile(r"[A-Z][A-Z0-9]{0,2}")
_BAD_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def normalised(text: str) -> str:
    """The text with `\\r` as its only segment separator."""
    return text.replace("\r\n", "\r").replace("\n", "\r") if "\n" in text else text


def segment_lines(text: str, delimiters: Delimiters) -> tuple[list[str], tuple[Issue, ...]]:
    """One line for each segment of a normalised text, blank lines dropped.

    A line that does not begin with a segment name belongs to the field before it (a line break inside OBX-5 or NTE-3):
    it is joined with `\\n`, with an issue that names the field. Raises Undecodable for such a line behind MSH, for a
    second MSH or a batch segment, for a text that ends inside a segment name, and over the limits.
    """
    if len(text) > LARGE and text.count("\r") > MOST_LINES:
        raise refuse(
            Undecodable, Code.MALFORMED_HL7V2, f"the message has more than {MOST_LINES} lines; send it in parts"
        )
    lines = [line for line in text.split("\r") if line]
    issues: tuple[Issue, ...] = ()
    if not _ordinary(delimiters.field).issuperset([line[:4] for line in lines[1:]]):
        lines, issues = _joined(text, delimiters)
        _refuse_other_messages(lines)
    if len(text) > LARGE:
        _check_long(lines, delimiters)
    return lines, issues


@cache
def _ordinary(separator: str) -> frozenset[str]:
    """How most lines after MSH begin: the standard's segments and Z segments, with the separator."""
    z_segments = (f"Z{second}{third}" for second in _NAME_LETTERS for third in _NAME_LETTERS)
    names = (standard_segments() - _STARTS_OTHERS).union(z_segments)
    return frozenset(f"{name}{separator}" for name in names)


def _joined(text: str, delimiters: Delimiters) -> tuple[list[str], tuple[Issue, ...]]:
    groups: list[list[str]] = []
    issues: list[Issue] = []
    blanks = 0
    raw = text.split("\r")
    for number, line in enumerate(raw, start=1):
        if not line.strip():
            blanks += 1
        elif number == len(raw) and _is_cut_name(line):
            raise refuse(
                Undecodable,
                Code.MALFORMED_HL7V2,
                "the message ends within a segment name: it was cut short; send it whole",
                f"line {number}",
            )
        elif named := _named(line.lstrip(), delimiters.field):
            groups.append([named])
            blanks = 0
        elif len(groups) < 2:
            raise refuse(
                Undecodable,
                Code.MALFORMED_HL7V2,
                "a line after MSH does not begin with a segment name of three capitals or digits and the field "
                "separator",
                f"line {number}",
            )
        else:
            segment = groups[-1]
            if len(segment) == 1:
                issues.append(_continued(segment[0], delimiters))
            segment.extend([""] * blanks)
            segment.append(line)
            blanks = 0
    return ["\n".join(group) for group in groups], tuple(issues)


def _named(line: str, separator: str) -> str:
    """The line with its segment name as the standard writes it, in capitals and with the separator behind it; empty if
    it begins with none. Capitals make any name one; small letters only those of the standard, since a line of text may
    begin with others."""
    found = _NAME.match(line)
    if found is None:
        return ""
    name, rest = found[1].upper(), line[found.end() :]
    known = name in standard_segments()
    if rest[:1] == separator:
        return name + rest if known or found[1].isupper() else ""
    return name if not rest and (known or name[0] == "Z") else ""


def _is_cut_name(line: str) -> bool:
    return _BEGUN_NAME.fullmatch(line) is not None and any(name.startswith(line) for name in standard_segments())


def _continued(line: str, delimiters: Delimiters) -> Issue:
    return Issue(
        Code.MALFORMED_HL7V2,
        f"{line[:3]}-{line.count(delimiters.field)}",
        "a line break stands inside this field; the lines that follow were read as part of it. Send \\.br\\ instead",
        Severity.WARNING,
    )


def _refuse_other_messages(lines: list[str]) -> None:
    for line in lines[1:]:
        if line[:3] in _STARTS_OTHERS:
            raise refuse(
                Undecodable,
                Code.MALFORMED_HL7V2,
                "a second message or a batch segment stands inside this message; a batch is read message by message",
                line[:3],
            )


def _check_long(lines: list[str], delimiters: Delimiters) -> None:
    marks = (delimiters.field, delimiters.repetition, delimiters.component, delimiters.subcomponent)
    for line in lines:
        if len(line) > LARGE and any(line.count(mark) > MOST_DELIMITERS for mark in marks):
            raise refuse(
                Undecodable,
                Code.MALFORMED_HL7V2,
                f"the segment has more than {MOST_DELIMITERS} separators of one kind; send it in parts",
                line[:3],
            )


def refuse_control_characters(text: str, delimiters: Delimiters) -> None:
    """Raises Undecodable, naming segment and field, if the text holds a control character besides tab and line ends."""
    found = _BAD_CONTROL.search(text)
    if found is None:
        return
    line = text[text.rfind("\r", 0, found.start()) + 1 : found.start()]
    number = line.count(delimiters.field) + (line.startswith("MSH"))
    path = f"{line[:3]}-{number}" if _NAME.match(line) and number else line[:3]
    raise refuse(
        Undecodable,
        Code.MALFORMED_HL7V2,
        f"the character U+{ord(found[0]):04X} may not stand in a message; send control characters escaped, as \\X..\\",
        path if path.isascii() and path.isprintable() else "",
    )
