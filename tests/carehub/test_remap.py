"""`carehub remap` beside real packs that change: what differs is shown first, then corrected, and then no more."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select

from carehub.composition import composed_line
from carehub.settings import Settings
from gateway.delivery import Delivery
from gateway.store.models import event, outbox
from gateway.store.sources import registered_source, sender_of
from tests.mappings.language.folders import CODES_HEAD, HL7, write_pack
from tests.processes import run_carehub

pytestmark = pytest.mark.slow

TEMPLATE = "segments/PID/Patient.yaml"
MORE = HL7 | {
    "pack.yaml": HL7["pack.yaml"].replace("1.0.0", "1.1.0"),
    TEMPLATE: HL7[TEMPLATE] + "birthDate: PID-7 | date\n",
}
STRICTER = MORE | {
    TEMPLATE: MORE[TEMPLATE] + "gender: PID-8 | code(sex)\n",
    "codes/sex.csv": f"# unknown: refuse\n{CODES_HEAD}F,,http://hl7.org/fhir/administrative-gender,female,,local,yes\n",
}
DIAGNOSED = HL7 | {
    "messages/ADT.yaml": HL7["messages/ADT.yaml"]
    + "  condition:\n    each: DG1\n    template: Condition(DG1, ref(patient))\n",
    "segments/DG1/Condition.yaml": (
        'takes: DG1, patient\nresourceType: Condition\nid: within(patient, "condition", DG1-3.1)\nsubject: patient\n'
        'code:\n  coding:\n    - system: "urn:diagnoses"\n      code: DG1-3.1\n'
    ),
}
STIGMATISED = DIAGNOSED | {
    "restriction.yaml": (
        "systems:\n  diagnoses: [urn:diagnoses]\n"
        "rules:\n  - name: own-stigma\n    scope: element\n    found:\n      - at: Condition.code\n"
        '        is: ["diagnoses|B20"]\n    action: redact\n    source: "a test"\n'
    ),
}
ADMITTED = {"patient-admitted-1": 3}
BORN = ("19600102", "", "19700304")


class House:
    def __init__(self, folder: Path, url: str) -> None:
        self.packs = folder / "packs"
        self.url = url
        self.environment = {
            "CAREHUB_DATA": str(folder / "data"),
            "CAREHUB_PACKS": str(self.packs),
            "DATABASE_URL": url,
        }
        write_pack(self.packs, HL7)
        run_carehub(self.environment, "migrate")
        named = ("--organisation", "RBD", "--sector", "acute", "--place", "dorset", "--pack", "mine")
        run_carehub(self.environment, "sources", "add", "dch-pas", *named)

    async def take_in(self, *births: str, more: str = "") -> None:
        """One admission each, of a person of its own, but that the last two are of one."""
        given: dict[str, Any] = {"data": self.packs.parent / "data", "packs": (self.packs,), "DATABASE_URL": self.url}
        settings = Settings(**given)
        async with composed_line(settings) as line:
            source = await line.hub.database.read(registered_source, "dch-pas")
            for number, born in enumerate(births):
                who = min(number, len(births) - 2)
                header = f"MSH|^~\\&|P|RBD|||20260102030405||ADT^A01|M{number}|P|2.4"
                body = f"{header}\rPID|||{who}||||{born}|{'FXF'[number]}\r{more}".encode()
                await line.reception.receive(
                    Delivery(sender_of(source), body, "application/hl7-v2", datetime.now(UTC)), "test"
                )

    def remap(self, *arguments: str, code: int = 0) -> Any:
        """What it prints, for programs; where it prints nothing, what it says."""
        printed, said = self.run("--source", "dch-pas", *arguments, "--json", code=code)
        return json.loads(printed) if printed else said

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "carehub", "remap", *arguments],
            env=self.environment | {"PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout, done.stderr

    def events(self) -> list[Any]:
        engine = create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as connection:
            told = (event.c.id, event.c.type, event.c.corrects, event.c.person_key, outbox.c.late, outbox.c.topic)
            query = select(*told)
            rows = connection.execute(query.join(outbox, outbox.c.event == event.c.id).order_by(outbox.c.id)).all()
        engine.dispose()
        return list(rows)

    def topics(self) -> list[str]:
        return [each.topic for each in self.events()]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, f"sqlite:///{tmp_path / 'hub.db'}")


async def test_it_shows_what_differs_then_corrects_it_and_then_nothing_differs(house: House) -> None:
    await house.take_in(*BORN)
    assert house.remap()["same"] == 3
    write_pack(house.packs, MORE)
    shown = house.remap("--values", "9", code=1)
    assert shown["corrections"] == {"patient-admitted-1": 2}
    assert [(each["path"], each["events"]) for each in shown["elements"]] == [("Patient.birthDate", 2)]
    assert shown["versions"] == [{"from": "1.0.0", "to": "1.1.0", "events": 2}]
    assert [each["after"] for each in shown["values"]] == ["1960-01-02", "1970-03-04"]
    assert shown["published"] == 0
    printed, _ = house.run("--source", "dch-pas", "--values", "9", code=1)
    values = [line for line in printed.splitlines() if line.startswith("    ")]
    assert values == ["    + 1960-01-02", "    + 1970-03-04"], "a side that has no value is not shown"
    assert len(house.events()) == 3
    assert house.remap("--publish")["published"] == 2
    *old, first, last = house.events()
    assert [first.corrects, last.corrects] == [old[0].id, old[2].id]
    assert [first.person_key, last.person_key] == [old[0].person_key, old[2].person_key]
    assert not first.late
    assert not last.late
    assert house.remap()["same"] == 3
    assert house.remap("--publish")["published"] == 0


async def test_what_a_stricter_rule_takes_out_is_published_whole_for_those_who_may_see_it(house: House) -> None:
    write_pack(house.packs, DIAGNOSED)
    await house.take_in(*BORN, more="DG1|1||B20\r")
    topic = "care.dorset.acute"
    assert house.topics() == [f"{topic}.v1"] * 3
    write_pack(house.packs, STIGMATISED)
    shown = house.remap(code=1)
    assert (shown["corrections"], shown["added"], shown["left"]) == (ADMITTED, ADMITTED, {})
    assert "in addition patient-admitted-1" in house.run("--source", "dch-pas", code=1)[0]
    assert house.remap("--publish")["published"] == 6
    assert sorted(house.topics()[3:]) == [f"{topic}.restricted.v1"] * 3 + [f"{topic}.v1"] * 3
    assert [each.corrects is None for each in house.events()[3:]] == [False, True] * 3
    assert house.remap()["same"] == 3
    assert house.remap("--publish")["published"] == 0


async def test_an_event_about_somebody_else_is_counted_and_left(house: House) -> None:
    await house.take_in(*BORN, more="PID|||99\r")
    each = HL7["messages/ADT.yaml"].replace("person:", "groups:\n  PATIENT: [PID]\neach: PATIENT\nperson:")
    write_pack(house.packs, HL7 | {"messages/ADT.yaml": each})
    found = house.remap("--publish", code=1)
    assert (found["corrections"], found["added"], found["left"], found["published"]) == ({}, {}, ADMITTED, 0)
    assert "3 left to you" in house.run("--source", "dch-pas", code=1)[0]
    assert len(house.events()) == 3


async def test_what_would_be_refused_today_is_counted_and_stays(house: House) -> None:
    await house.take_in(*BORN)
    write_pack(house.packs, STRICTER)
    found = house.remap("--publish", code=1)
    assert found["refused"] == [{"code": "unmapped-code", "path": "PID-8", "messages": 1}]
    assert found["published"] == 2
    assert len(house.events()) == 5


async def test_a_pack_that_does_not_compile_is_named(house: House) -> None:
    await house.take_in(*BORN)
    write_pack(house.packs, MORE | {TEMPLATE: MORE[TEMPLATE] + "birthday: PID-7\n"})
    assert "carehub packs lint" in house.remap(code=3)


async def test_only_the_window_is_gone_through(house: House) -> None:
    await house.take_in(*BORN)
    write_pack(house.packs, MORE)
    assert house.remap("--until", "2020-01-01T00:00:00Z")["messages"] == 0
    assert house.remap("--since", "2020-01-01T00:00:00+01:00", code=1)["messages"] == 3
    house.remap("--since", "yesterday", code=2)


def test_an_unknown_source_is_said(house: House) -> None:
    assert "carehub sources list" in house.run("--source", "nobody", code=1)[1]
