"""Rows as JSON: one object, an array of objects, or one object a line (NDJSON)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from contract.errors import Code, Undecodable, refuse
from mappings.formats.part import Part
from mappings.formats.strict_json import canonical, read_json

JSON: Final = "application/json"


def split_array(body: bytes) -> Iterator[Part]:
    """One Part for each item of an array, numbered from 1.

    Raises Undecodable at the first step when the body is not one JSON array.
    """
    items = read_json(body)
    if not isinstance(items, list):
        raise refuse(Undecodable, Code.MALFORMED_JSON, "an array of rows is expected")
    for number, item in enumerate(items, start=1):
        yield Part(number, canonical(item), JSON)


def split_lines(body: bytes) -> Iterator[Part]:
    """One Part for each line that is not blank, numbered from 1, as sent; a line that is no JSON fails on its own.

    Raises Undecodable at the first step when there is no line.
    """
    number = 0
    start = 0
    body = body.removeprefix(b"\xef\xbb\xbf")
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end].strip()
        start = end + 1
        if line:
            number += 1
            yield Part(number, line, JSON)
    if not number:
        raise refuse(Undecodable, Code.EMPTY, "the body is empty")
