"""Message files: which kind they are for, triggers that nobody named, who else an event concerns, and
functions for what messages tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import Code, Severity
from mappings.language import CompiledPack, load_pack
from mappings.language.problems import PackError
from tests.mappings.language.folders import CONTEXT, HL7, adt, first, hl7_pack, write_pack

ANY_TRIGGER = """
message: ADT
events:
  A01: patient-admitted-1
  else:
    cases:
      visit: {if: present(PV1), type: encounter-updated-1}
      person: {else: true, type: patient-updated-1}
happened: MSH-7
person: patient
resources:
  patient: Patient(PID)
"""
MOVE = """
message: ADT^A44 ADT^A45
events:
  A44: account-moved-1
  A45: visit-moved-1
happened: MSH-7
person: patient
also: from
resources:
  patient: Patient(PID)
  from:
    if: present(MRG-1)
    resourceType: Patient
    id: identity(MRG-1[1].1)
    identifier:
      - value: MRG-1[1].1
"""


def pack(folder: Path, **messages: str) -> CompiledPack:
    files = dict(HL7) | {f"messages/{name}.yaml": text for name, text in messages.items()}
    return load_pack("mine", [write_pack(folder, files)])


@pytest.mark.parametrize(
    ("trigger", "segments", "event", "warned"),
    [
        ("A01", ("PID|1||7",), "patient-admitted-1", False),
        ("Z99", ("PID|1||7", "PV1|1|I"), "encounter-updated-1", True),
        ("Z99", ("PID|1||7",), "patient-updated-1", True),
        ("", ("PID|1||7",), "patient-updated-1", True),
    ],
)
def test_a_trigger_that_nobody_named_is_what_the_message_holds_and_said(
    tmp_path: Path, trigger: str, segments: tuple[str, ...], event: str, warned: bool
) -> None:
    mapped = pack(tmp_path, ADT=ANY_TRIGGER).map(adt(*segments, trigger=trigger), CONTEXT)

    assert [e.type for e in mapped.events] == [event]
    told = [(i.code, i.path, i.severity) for i in mapped.issues]
    assert told == ([(Code.UNSUPPORTED_TRIGGER, "MSH-9.2", Severity.WARNING)] if warned else [])


def test_the_type_for_other_triggers_is_an_event_type(tmp_path: Path) -> None:
    with pytest.raises(PackError) as caught:
        pack(tmp_path, ADT=ANY_TRIGGER.replace("patient-updated-1", "Updated"))
    assert "`Updated` is no event type" in str(caught.value)


def test_a_file_for_a_trigger_goes_before_the_file_for_its_kind(tmp_path: Path) -> None:
    both = pack(tmp_path, ADT=ANY_TRIGGER, move=MOVE)

    types = [
        both.map(adt("PID|1||7", "MRG|8", trigger=trigger), CONTEXT).events[0].type for trigger in ("A01", "A44", "A45")
    ]
    assert types == ["patient-admitted-1", "account-moved-1", "visit-moved-1"]


def test_an_event_names_who_else_it_concerns(tmp_path: Path) -> None:
    moving = pack(tmp_path, ADT=ANY_TRIGGER, move=MOVE)

    (event,) = moving.map(adt("PID|1||7", "MRG|8", trigger="A45"), CONTEXT).events
    patients = [e["resource"] for e in event.bundle["entry"] if e["resource"]["resourceType"] == "Patient"]
    assert [patient["identifier"][0]["value"] for patient in patients] == ["7", "8"]
    assert (event.subject, event.prior, event.also) == (patients[0]["id"], None, patients[1]["id"])
    assert moving.map(adt("PID|1||7", "MRG||", trigger="A45"), CONTEXT).events[0].also is None


HEADED = ANY_TRIGGER.replace(
    "resources:\n",
    """resources:
  header:
    resourceType: MessageHeader
    id: identity(MSH-10 ?? "message", "header")
    eventCoding:
      code: "something else"
    source:
      name: MSH-3.1
      endpoint: "urn:elsewhere"
    sender:
      display: MSH-4.1
""",
)


def test_what_a_pack_says_in_the_header_stays_and_what_the_hub_says_stands_over_it(tmp_path: Path) -> None:
    (plain,) = pack(tmp_path / "plain", ADT=ANY_TRIGGER).map(adt("PID|1||7"), CONTEXT).events
    (headed,) = pack(tmp_path / "headed", ADT=HEADED).map(adt("PID|1||7"), CONTEXT).events

    (before, after) = (event.bundle["entry"][0]["resource"] for event in (plain, headed))
    assert after["sender"]["display"]
    assert after["source"].pop("name")
    assert {name: value for name, value in after.items() if name != "sender"} == before
    assert [e["resource"]["resourceType"] for e in headed.bundle["entry"]] == ["MessageHeader", "Patient"]


@pytest.mark.parametrize(
    ("authority", "system"),
    [
        ("PAS", "urn:carehub:identifiers:dch-pas:PAS"),
        ("", "urn:carehub:identifiers:dch-pas"),
        ("&2.16.840.1.113883.19.4&ISO", "urn:oid:2.16.840.1.113883.19.4"),
        ("PAS&2.16.840.1.113883.19.4&ISO", "urn:oid:2.16.840.1.113883.19.4"),
        ("PAS&1.Edu&ISO", "urn:carehub:identifiers:dch-pas:PAS"),
        ("&hospital.example&DNS", "urn:carehub:identifiers:dch-pas:hospital.example"),
        ("&6D2B2A3E-0F5C-4B2B-9C1D-1B2C3D4E5F60&UUID", "urn:uuid:6d2b2a3e-0f5c-4b2b-9c1d-1b2c3d4e5f60"),
        ("X&https://fhir.example/Id&URI", "https://fhir.example/Id"),
        ("X&not a uri&URI", "urn:carehub:identifiers:dch-pas:X"),
    ],
)
def test_the_system_of_an_identifier_is_its_authority(tmp_path: Path, authority: str, system: str) -> None:
    line = "    system: authority_system(PID-3[1].4.1, PID-3[1].4.2, PID-3[1].4.3)\n"
    patient = first(hl7_pack(tmp_path, line).map(adt(f"PID|1||7^^^{authority}"), CONTEXT).events[0].bundle, "Patient")

    assert patient["identifier"] == [{"value": "7", "system": system}]


def test_a_narrative_is_xhtml_whatever_stands_in_it(tmp_path: Path) -> None:
    lines = 'text:\n  status: "additional"\n  div: PID-23 | narrative\n'
    decoded = adt(f"PID|1||7{'|' * 20}a < b & c")
    patient = first(hl7_pack(tmp_path, lines).map(decoded, CONTEXT).events[0].bundle, "Patient")

    assert patient["text"]["div"] == '<div xmlns="http://www.w3.org/1999/xhtml">a &lt; b &amp; c</div>'


def test_a_time_becomes_an_instant_only_where_it_has_a_time_of_day(tmp_path: Path) -> None:
    lines = "meta:\n  lastUpdated: timed_instant(PID-33)\n"
    timed = hl7_pack(tmp_path, lines)

    found = [
        first(timed.map(adt(f"PID|1||7{'|' * 30}{when}"), CONTEXT).events[0].bundle, "Patient").get("meta")
        for when in ("202607010930", "20260701")
    ]
    assert found == [{"lastUpdated": "2026-07-01T09:30:00+01:00"}, None]
