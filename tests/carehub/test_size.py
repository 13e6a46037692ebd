"""The arithmetic of docs/size.md, done again by hand, and its figures held to what bodies really take."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path
from random import Random
from typing import Any

import pytest

from carehub.size import (
    ADMISSION,
    DOCUMENT_IN_KAFKA,
    DOCUMENT_STORED,
    GATEWAY_RATE,
    PEAK,
    PERSON,
    ROOM,
    USED,
    Load,
    as_document,
)
from contract.identifiers import is_nhs_number
from gateway.store.bodies import pack_body
from tests.bench.size import KINDS, nhs_number, numbered
from tests.carehub.conftest import Cli

PAGE = (Path(__file__).parents[2] / "docs" / "size.md").read_text(encoding="utf-8")


def value(load: Load, name: str) -> Any:
    return as_document(load)[name]["value"]


def test_a_hospital_of_admissions_alone_by_hand() -> None:
    load = Load(100_000, days=10, kafka_days=2, copies=3, reports=0, letters=0, people=1000)
    rows = 100_000 * 10 * ADMISSION.kept + 100_000 * 7 * ADMISSION.known + 1000 * PERSON
    assert value(load, "store, disk") == round(ROOM * rows / 1e9, 2)
    assert value(load, "Kafka, disk of one copy") == round(100_000 * 2 * ADMISSION.kafka / 1e9, 2)
    assert value(load, "Kafka, disk of all") == round(3 * 100_000 * 2 * ADMISSION.kafka / 1e9, 2)
    assert value(load, "messages, peak") == round(PEAK * 100_000 / 86_400, 2)
    assert (value(load, "gateways"), value(load, "relays"), value(load, "database connections")) == (2, 2, 40)


def test_gateways_grow_with_the_peak() -> None:
    per_day = 86_400 * 10 * GATEWAY_RATE
    assert value(Load(per_day, days=1), "gateways") == 10 * PEAK / USED


def test_documents_take_what_is_said() -> None:
    document = Random(1).randbytes(300_000)
    stored = len(pack_body(b64encode(document)).stored) / len(document)
    assert 2 * stored == pytest.approx(DOCUMENT_STORED, rel=0.03)
    assert len(b64encode(document)) / len(document) == pytest.approx(DOCUMENT_IN_KAFKA, rel=0.01)
    with_letters, without = (Load(1000, days=1, letters=10, document=size) for size in (1_000_000, 0))
    more = value(with_letters, "store, a message") - value(without, "store, a message")
    assert more == pytest.approx(100 * DOCUMENT_STORED, rel=0.01)


def test_the_tables_of_the_page_are_what_the_command_says(cli: Cli) -> None:
    found = re.findall(r"^\| (\w+) \| `(carehub size [^`]*)` \|(.*)\|$", PAGE, re.MULTILINE)
    assert [name for name, _, _ in found] == ["hospital", "region", "nation"]
    columns = ("messages, peak", "store, disk", "Kafka, disk of all", "gateways", "relays", "database connections")
    for _, command, cells in found:
        told = cli.json(*command.split()[1:])
        written = [float(re.sub(r"[^\d.]", "", cell)) for cell in cells.split("|")]
        assert written == [pytest.approx(told[name]["value"], rel=0.02) for name in columns]


def test_people_read_a_table_and_programs_json(cli: Cli) -> None:
    assert "store, disk" in cli.run("size", "--messages-per-day", "200000", "--days", "90")
    assert json.loads(cli.run("size", "--json"))["gateways"]["basis"].startswith("measured")
    cli.run("size", "--reports", "60", "--letters", "60", code=2)


def test_what_is_measured_is_many_persons_messages() -> None:
    assert all(is_nhs_number(nhs_number(person)) for person in range(300))
    for path, _ in KINDS.values():
        sample = path.read_text(encoding="utf-8")
        first, fourth, fifth = (numbered(sample, number) for number in (0, 3, 4))
        assert len({first, fourth, fifth}) == 3
        [a, b, c] = [
            next(line for line in each.split(b"\r") if line.startswith(b"PID")) for each in (first, fourth, fifth)
        ]
        assert a == b != c
