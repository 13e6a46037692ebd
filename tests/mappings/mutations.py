"""HL7 v2 messages that nobody should send: generated from the standard's tables, and good ones damaged, by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from mappings import formats
from mappings.formats.hl7v2.dictionary import fields, segments
from tests.corpus import CORPUS

PACKS: Final = Path(__file__).parents[2] / "mappings" / "packs"

KINDS: Final = (
    *(f"ADT^A{number:02d}" for number in range(1, 63)),
    *("ORU^R01", "ORU^R30", "OUL^R22", "OUL^R24", "ORM^O01", "OML^O21", "OML^O33", "OMG^O19", "RDE^O11", "RDS^O13"),
    *("SIU^S12", "SIU^S15", "SIU^S26", "MDM^T01", "MDM^T02", "MDM^T10", "REF^I12", "REF^I14", "VXU^V04", "PPR^PC1"),
    *("ADT^Z99", "ADT", "BAR^P01", "DFT^P03", "QRY^A19", "ACK^A01"),
)
VALUES: Final = (
    *(
        "",
        '""',
        "^^^",
        "~~",
        "^&^",
        " ",
        "0",
        "-1",
        "1.5",
        "abc",
        "Y",
        "N",
        "D",
        "U",
        "A^B^C",
        "a&b^c~d&e^f",
        "É\\.br\\x",
    ),
    *(
        "20260601",
        "202606010930",
        "20260230",
        "99999999",
        "20260329013000",
        "2026",
        "20260601093000.1234+0100",
        "9" * 40,
    ),
    *(
        "4471023^^^PAS^MR",
        "9990010005^^^NHS^NH",
        "1234567890^^^NHS",
        "SMITH^ANN",
        "I20.0^Angina^I10",
        "\\X00\\",
        "\\",
        "\\E",
    ),
    *("W7^R3^B2^SITE", "x" * 3000, "<5", ">^100", "^1^-^5", "5^mg&milligram&UCUM", "http://x.example/a b", "\u202eabc"),
    *("\xa0", "\xa0x", "\\.br\\", "\\XEFBBBF\\", "\\T\\", '""^""', "^ ^ ", "=", "^^^Base64^=", "^1^-^ ", "<", "x~ ~x"),
    *(
        "2147483648",
        "0." + "0" * 30 + "1",
        "99991231235959-1400",
        "20260601083015+1500",
        " ^A^L",
        "A^ ^SCT^ ^ ^LN^ ^ ^ ",
    ),
)
LIKELY: Final = (
    *("EVN", "PID", "PD1", "ARV", "ROL", "NK1", "PV1", "PV2", "DB1", "OBX", "AL1", "IAM", "IAR", "NTE", "DG1", "PR1"),
    *("GT1", "IN1", "IN2", "MRG", "CON", "NPU", "ORC", "OBR", "SPM", "TQ1", "SCH", "RGS", "AIS", "AIP", "TXA", "ZU1"),
)
MOST_FIELDS: Final = 30


@cache
def good() -> Sequence[bytes]:
    """Every HL7 v2 sample, and the real messages where they are."""
    files = sorted([*PACKS.glob("hl7v2*/samples/*/message.hl7"), *(CORPUS / "hl7v2").glob("*.hl7")], key=_name)
    return [part.body for file in files for part in formats.split(file.read_bytes(), "application/hl7-v2") or ()] + [
        file.read_bytes() for file in files
    ]


def _name(file: Path) -> tuple[str, str]:
    return file.parent.name, file.name


def message(seed: int) -> bytes:
    """One generated for two that were good and are damaged."""
    chance = random.Random(seed)
    return generated(chance) if seed % 3 == 0 else damaged(chance.choice(good()), chance)


def in_each_field(share: int) -> Iterator[bytes]:
    """Good messages in which each field that any of them has, and the two behind it, holds one in `share` of VALUES:
    the first field the first, the next field the second, and so on."""
    shortest: dict[tuple[bytes, int], tuple[bytes, int]] = {}
    for body in sorted(good(), key=len):
        for place, line in enumerate(_lines(body)):
            name, *values = line.split(b"|")
            for number in range(2 if place == 0 else 1, len(values) + 3):
                shortest.setdefault((name, number), (body, place))
    for turn, ((_, number), (body, place)) in enumerate(shortest.items()):
        lines = _lines(body)
        values = lines[place].split(b"|")
        values += [b""] * (number + 1 - len(values))
        for value in VALUES[turn % share :: share]:
            values[number] = value.encode()
            yield b"\r".join([*lines[:place], b"|".join(values), *lines[place + 1 :]])


def lacking(seed: int) -> bytes:
    """A good message without one of its fields; what tells the delimiters and the kind of message stays."""
    chance = random.Random(seed)
    body = chance.choice(good())
    lines = [line.split(b"|") for line in _lines(body)]
    filled = [
        (values, number)
        for values in lines
        for number, value in enumerate(values)
        if value and number and not (values[0] in (b"MSH", b"FHS", b"BHS") and number in (1, 8))
    ]
    if not filled:  # other delimiters
        return body
    values, number = chance.choice(filled)
    values[number] = b""
    return b"\r".join(b"|".join(values) for values in lines)


def _lines(body: bytes) -> list[bytes]:
    return [line for line in body.replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r") if line]


def generated(chance: random.Random) -> bytes:
    """A message of some kind with segments of the standard, likely ones first of all, and values of every sort."""
    lines = [header(chance.choice(KINDS), chance)]
    if chance.random() < 0.9:
        lines.append(f"PID|1||{chance.choice(VALUES[25:30])}||SMITH^ANN")
    every = sorted(segments() - {"MSH", "FHS", "BHS", "BTS", "FTS"})
    for _ in range(chance.randint(0, 12)):
        name = chance.choice(LIKELY if chance.random() < 0.9 else every)
        lines.append(segment(name, chance))
    return "\r".join(lines).encode("utf-8")


def header(kind: str, chance: random.Random) -> str:
    when = chance.choice(("20260601101500", "20260601", "", "20260601101500+0100"))
    version = chance.choice(("2.3", "2.4", "2.5.1", "2.8", "", "9"))
    return f"MSH|^~\\&|PAS|RBD|HUB|HUB|{when}||{kind}|{chance.randint(1, 9999)}|P|{version}"


@cache
def last_field(name: str) -> int:
    return max((number for segment_name, number in fields() if segment_name == name), default=5)


def segment(name: str, chance: random.Random) -> str:
    wanted = chance.randint(1, min(MOST_FIELDS, last_field(name)))
    return "|".join([name, *(chance.choice(VALUES) if chance.random() < 0.5 else "" for _ in range(wanted))])


def damaged(body: bytes, chance: random.Random) -> bytes:
    """A good message with one to four things wrong."""
    lines = _lines(body)
    for _ in range(chance.randint(1, 4)):
        lines = chance.choice(DAMAGES)(lines, chance) or lines
    return chance.choice((b"\r", b"\r", b"\r", b"\n", b"\r\n")).join(lines)


def _elsewhere(lines: Sequence[bytes], chance: random.Random) -> int:
    """The place of a line besides the first, 0 where there is none."""
    return chance.randrange(1, len(lines)) if len(lines) > 1 else 0


def _without_a_line(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = _elsewhere(lines, chance)
    return lines[:place] + lines[place + 1 :] if place else lines


def _a_line_twice(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = _elsewhere(lines, chance)
    return lines[:place] + [lines[place]] * 2 + lines[place + 1 :] if place else lines


def _a_line_elsewhere(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place, to = _elsewhere(lines, chance), _elsewhere(lines, chance)
    others = lines[:place] + lines[place + 1 :] if place else lines
    return [*others[:to], lines[place], *others[to:]] if place and to else lines


def _another_line(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = _elsewhere(lines, chance) or 1
    return [*lines[:place], segment(chance.choice(LIKELY), chance).encode(), *lines[place:]]


def _another_value(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = _elsewhere(lines, chance)
    values = lines[place].split(b"|")
    number = chance.randrange(1, len(values)) if place and len(values) > 1 else 0
    if number:
        values[number] = chance.choice(VALUES).encode()
    return [*lines[:place], b"|".join(values), *lines[place + 1 :]] if number else lines


def _another_component(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = _elsewhere(lines, chance)
    marks = [at for at, octet in enumerate(lines[place]) if octet in b"^&~"] if place else []
    if not marks:
        return lines
    at = chance.choice(marks)
    put = chance.choice(VALUES).encode() if chance.random() < 0.5 else chance.choice((b"^", b"~", b"&", b""))
    return [*lines[:place], lines[place][:at] + put + lines[place][at + 1 :], *lines[place + 1 :]]


def _another_kind(lines: list[bytes], chance: random.Random) -> list[bytes]:
    values = lines[0].split(b"|")
    if len(values) > 8:
        values[8] = chance.choice(KINDS).encode()
    return [b"|".join(values), *lines[1:]]


def _other_delimiters(lines: list[bytes], chance: random.Random) -> list[bytes]:
    """Fewer encoding characters than are used, or one more."""
    values = lines[0].split(b"|")
    if values[1:2] == [b"^~\\&"]:
        values[1] = chance.choice((b"^~\\", b"^~&", b"^~", b"^~\\&#"))
    return [b"|".join(values), *lines[1:]]


def _cut_short(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = _elsewhere(lines, chance)
    return [*lines[:place], lines[place][: chance.randint(1, len(lines[place]))]] if lines[place] and place else lines


def _another_octet(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = chance.randrange(len(lines))
    octets = bytearray(lines[place])
    octets[chance.randrange(len(octets))] = chance.randrange(256)
    return [*lines[:place], bytes(octets), *lines[place + 1 :]]


DAMAGES: Final[tuple[Callable[[list[bytes], random.Random], list[bytes]], ...]] = (
    _without_a_line,
    _a_line_twice,
    _a_line_elsewhere,
    _another_line,
    _another_value,
    _another_value,
    _another_value,
    _another_component,
    _another_component,
    _another_kind,
    _other_delimiters,
    _cut_short,
    _another_octet,
)
