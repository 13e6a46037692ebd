"""Whatever a member of a row or of a sender's FHIR holds, the message becomes valid events, or is refused by place."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pytest

from tests.fuzz import seeds
from tests.fuzz.targets import TARGETS

TEXTS: Final = (
    *("", " ", "\xa0", "\xa0x", "\x85x", " x ", "\u2028", "\U0001f600", "\ufeff", "a\x0bb", "\x01", "a\x1fb", "a\tb"),
    *("x" * 600, "0", "-1", "1.50", "1e400", "9" * 22, "2147483648", "0." + "0" * 30 + "1", "true", "Y", "A|B", "#a"),
    *("20260601", "2026-06-01", "2026", "2026-02-30", "01/06/2026", "2026-06-01T08:30:00Z", "08:30", "24:00"),
    *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-06-01T08:30:00+15:00"),
    *("http://x y/z", "urn:x y", "Patient/1", "urn:uuid:x", "../x", "943 476 5919", "1111111111"),
)
VALUES: Final = (
    *TEXTS,
    *(None, True, 0, -1, 1.5, 1e300, 2**31, [], {}, [None], [{}], {"": ""}, [[]], ["x"], {"x": "y"}, [1, 2]),
    *({"reference": "Patient/1"}, {"reference": None}),
)


def cells(share: int) -> Iterator[bytes]:
    """CSV files in which one value is another."""
    turn = 0
    for body in seeds.samples("cld"):
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
        for row in rows:
            for column, before in enumerate(row):
                turn += 1
                for row[column] in TEXTS[turn % share :: share]:
                    file = io.StringIO()
                    csv.writer(file).writerows(rows)
                    yield file.getvalue().encode()
                row[column] = before


def members(bodies: Callable[[], tuple[bytes, ...]], share: int) -> Iterator[bytes]:
    """JSON in which one member or item is another, or is not there."""
    turn = 0
    for body in bodies():
        try:
            value = json.loads(body)
        except json.JSONDecodeError:  # one value a line
            continue
        for holder, name in places(value):
            turn += 1
            before = holder[name]
            for holder[name] in VALUES[turn % share :: share]:
                yield json.dumps(value).encode()
            if isinstance(holder, dict):
                del holder[name]
                yield json.dumps(value).encode()
            holder[name] = before


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every object or list, with each of its names or numbers."""
    if not isinstance(value, (dict, list)):
        return []
    inside = list(value.items() if isinstance(value, dict) else enumerate(value))
    return [(value, name) for name, _ in inside] + [place for _, each in inside for place in places(each)]


@pytest.mark.parametrize(
    ("target", "bodies"),
    [
        ("drafts-cld", partial(cells, share=4)),
        ("drafts-mhsds", partial(members, seeds.rows, share=1)),
        ("drafts-bars", partial(members, seeds.fhir_json, share=30)),
    ],
    ids=["cld", "mhsds", "bars"],
)
def test_each_member_may_hold_what_should_not_stand_there(target: str, bodies: Callable[[], Iterator[bytes]]) -> None:
    tried = 0
    for body in bodies():
        try:
            TARGETS[target].promise(body)
        except Exception as fault:
            fault.add_note(repr(body))
            raise
        tried += 1
    assert tried > 5_000
