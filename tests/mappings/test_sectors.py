"""The packs of primary care, mental health and social care, on synthetic messages of their own samples."""

from __future__ import annotations

import copy
import csv
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from contract.errors import Code, Unprocessable
from contract.identifiers import ResourceIds
from mappings import formats, validation
from mappings.language import CompiledPack
from mappings.restriction import restrict
from mappings.stages import Format, Json, MapContext, MappedEvent, ParentRef, ParentState, ResourceState, Sender
from tests.corpus import CORPUS
from tests.packs import built_in

PACKS = Path("mappings/packs")
REAL = CORPUS / "bars"
CONTEXT = MapContext(Sender("syn", "syn", "RDY"), ResourceIds(b"test key"), datetime(2026, 7, 1, 12, tzinfo=UTC))


@cache
def pack(name: str) -> CompiledPack:
    return built_in(name)


@dataclass
class Feed:
    """What a hub would do with rows one after the other: remembers parents, waits, knows a snapshot's rows."""

    name: str
    known: dict[str, ParentState] = field(default_factory=dict)
    held: dict[str, bytes] = field(default_factory=dict)

    def waits_for(self, row: dict[str, Any]) -> list[ParentRef]:
        wanted = pack(self.name).parents(decoded(self.name, row), CONTEXT)
        return [parent for parent in wanted if parent.resource_id not in self.known]

    def take(self, row: dict[str, Any]) -> MappedEvent:
        mapped = pack(self.name).map(decoded(self.name, row), replace(CONTEXT, parents=dict(self.known)))
        (event,) = mapped.events
        self.known.update({state.resource_id: state.state for state in event.states})
        return event

    def is_news(self, row: dict[str, Any]) -> bool:
        """Whether a row of a snapshot says something that the rows before it did not."""
        news = [s for s in self.take(row).states if s.snapshot and self.held.get(s.resource_id) != s.content_hash]
        self.held.update({state.resource_id: state.content_hash for state in news})
        return bool(news)


def decoded(name: str, row: dict[str, Any]) -> Any:
    return formats.decode(json.dumps(row).encode(), Format.CSV if name == "cld" else Format.JSON)


def sample(name: str, folder: str) -> Json:
    (file,) = (PACKS / name / "samples" / folder).glob("message.*")
    if file.suffix == ".csv":
        with file.open(encoding="utf-8", newline="") as rows:
            return next(csv.DictReader(rows))
    return json.loads(file.read_text(encoding="utf-8"))


def resource(event: MappedEvent, kind: str) -> Json:
    return next(e["resource"] for e in event.bundle["entry"] if e["resource"]["resourceType"] == kind)


def bars(message: Json) -> MappedEvent:
    (event,) = pack("bars").map(formats.decode(json.dumps(message).encode(), Format.FHIR), CONTEXT).events
    return event


# mental health


CHAIN = ["mhs001-person", "mhs101-received", "mhs501-admitted", "mhs502-started"]


@pytest.mark.parametrize(("row", "parent", "path"), [
    ("mhs101-received", "Patient", "LocalPatientId"),
    ("mhs401-detained", "Patient", "LocalPatientId"),
    ("mhs201-attended-at-home", "EpisodeOfCare", "ServiceRequestId"),
    ("mhs501-admitted", "EpisodeOfCare", "ServiceRequestId"),
    ("mhs502-started", "Encounter", "HospProvSpellID"),
    ("mhs502-ended-v5-columns", "Encounter", "HospProvSpellNum"),
])  # fmt: skip
def test_a_row_waits_for_the_one_it_hangs_on(row: str, parent: str, path: str) -> None:
    (missing,) = Feed("mhsds").waits_for(sample("mhsds", row))
    assert (missing.resource_type, missing.path) == (parent, path)


def test_each_row_of_the_chain_brings_what_the_next_one_waits_for() -> None:
    feed = Feed("mhsds")
    person = feed.take(sample("mhsds", CHAIN[0])).subject
    for name in CHAIN[1:]:
        assert not feed.waits_for(sample("mhsds", name))
        assert feed.take(sample("mhsds", name)).subject == person


def test_a_ward_stay_is_part_of_its_spell_under_its_referral() -> None:
    feed = Feed("mhsds")
    events = {name: feed.take(sample("mhsds", name)) for name in CHAIN}
    stay = resource(events["mhs502-started"], "Encounter")
    assert stay["partOf"]["reference"] == "Encounter/" + resource(events["mhs501-admitted"], "Encounter")["id"]
    referral = resource(events["mhs101-received"], "EpisodeOfCare")
    assert stay["episodeOfCare"] == [{"reference": f"EpisodeOfCare/{referral['id']}"}]


def test_a_child_carries_the_parents_identifiers_and_nothing_else_of_the_person() -> None:
    feed = Feed("mhsds")
    feed.take(sample("mhsds", "mhs001-person"))
    patient = resource(feed.take(sample("mhsds", "mhs401-detained")), "Patient")
    assert {i["value"] for i in patient["identifier"]} == {"9000000009", "SYN-0001"}
    assert [tag["code"] for tag in patient["meta"]["tag"]] == ["SUBSETTED"], "it must not replace the whole Patient"
    assert set(patient) == {"resourceType", "id", "identifier", "meta"}


@pytest.mark.parametrize(("first", "later"), [
    ("mhs101-received", "mhs101-closed"),
    ("mhs401-detained", "mhs401-detention-ended"),
    ("mhs501-admitted", "mhs501-discharged-v5-columns"),
    ("mhs502-started", "mhs502-ended-v5-columns"),
])  # fmt: skip
def test_a_correction_keeps_the_id_also_across_versions(first: str, later: str) -> None:
    feed = Feed("mhsds")
    for name in CHAIN:
        feed.take(sample("mhsds", name))
    before, after = feed.take(sample("mhsds", first)), feed.take(sample("mhsds", later))
    assert before.type != after.type
    assert before.bundle["entry"][0]["resource"]["focus"] == after.bundle["entry"][0]["resource"]["focus"]


@pytest.mark.parametrize("table", ["MHS101", "MHS101Referral"])
def test_a_table_is_known_by_both_its_names(table: str) -> None:
    feed = Feed("mhsds")
    feed.take(sample("mhsds", "mhs001-person"))
    row = {**sample("mhsds", "mhs101-received"), "table": table}
    assert pack("mhsds").recognises(decoded("mhsds", row))
    assert feed.take(row).type == "referral-received-1"


@pytest.mark.parametrize(("code", "event"), [
    ("01", "legal-status-started-1"),
    ("02", "detention-started-1"),
    ("20", "detention-started-1"),
    ("35", "legal-status-started-1"),
    ("99", "legal-status-started-1"),
    ("2", "legal-status-started-1"),
])  # fmt: skip
def test_only_a_detaining_status_is_called_a_detention(code: str, event: str) -> None:
    feed = Feed("mhsds")
    feed.take(sample("mhsds", "mhs001-person"))
    assert feed.take({**sample("mhsds", "mhs401-detained"), "LegalStatusCode": code}).type == event


def test_date_and_time_may_stand_in_one_column() -> None:
    feed = Feed("mhsds")
    feed.take(sample("mhsds", "mhs001-person"))
    apart = sample("mhsds", "mhs101-closed")
    joined = {k: v for k, v in apart.items() if not k.endswith("Time")} | {"ServDischDate": "2026-05-20T16:00:00"}
    assert feed.take(joined).happened == feed.take(apart).happened == datetime(2026, 5, 20, 15, tzinfo=UTC)


# social care


def test_the_same_row_in_the_next_quarter_is_no_news() -> None:
    feed = Feed("cld")
    row = sample("cld", "service-open")
    assert feed.is_news(row)
    later = {"Reporting Period Start Date": "01/07/2026", "Reporting Period End Date": "30/09/2026"}
    assert not feed.is_news({**row, **later})
    assert feed.is_news({**row, "Event End Date": "15/08/2026"})


@pytest.mark.parametrize("change", [
    {"Event Start Date": "2026-04-20"},
    {"Event End Date": "29/06/2026"},
    {"Event Reference": "EV-99"},
    {"Client Type": "Service User"},
    {"Service Type": "Long Term Support: Community", "Service Component": "Home Support"},
])  # fmt: skip
def test_a_service_keeps_its_id_whatever_is_not_its_key_and_however_it_is_spelt(change: dict[str, str]) -> None:
    row = sample("cld", "service-open")
    ids = [resource(Feed("cld").take(r), "EpisodeOfCare")["id"] for r in (row, {**row, **change})]
    assert ids[0] == ids[1]


@pytest.mark.parametrize("change", [
    {"LA Code": "815"},
    {"LA Person Unique Identifier": "SYN-LA-77"},
    {"Event Start Date": "21/04/2026"},
    {"Client Type": "Unpaid carer"},
    {"Service Type": "Long term support: Prison"},
    {"Service Component": "Meals"},
])  # fmt: skip
def test_each_identifying_field_makes_another_service(change: dict[str, str]) -> None:
    row = sample("cld", "service-open")
    ids = [resource(Feed("cld").take(r), "EpisodeOfCare")["id"] for r in (row, {**row, **change})]
    assert ids[0] != ids[1]


def test_a_request_is_told_from_others_by_its_end_and_route_too() -> None:
    row = sample("cld", "request")
    changes: list[dict[str, str]] = [{}, {"Event End Date": "04/04/2026"}, {"Request: Route of Access": "Prison"}]
    assert len({resource(Feed("cld").take({**row, **c}), "ServiceRequest")["id"] for c in changes}) == 3


def test_sql_safe_column_names_mean_the_same() -> None:
    safe = sample("cld", "service-release-1-safe-headers")
    assert "Event_Start_Date" in safe
    ids = [resource(Feed("cld").take(r), "EpisodeOfCare")["id"] for r in (sample("cld", "service-open"), safe)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(("column", "value", "code"), [
    ("Date of Birth", "31/02/1941", Code.INVALID_DATE),
    ("Date of Birth", "12/25/1941", Code.INVALID_DATE),
    ("Event Start Date", "soon", Code.INVALID_DATE),
    ("NHS Number", "9000000008", Code.INVALID_NHS_NUMBER),
    ("Unit Cost", "21 pounds", Code.INVALID_VALUE),
])  # fmt: skip
def test_a_refusal_names_the_column_as_people_know_it(column: str, value: str, code: Code) -> None:
    with pytest.raises(Unprocessable) as refused:
        Feed("cld").take({**sample("cld", "service-open"), column: value})
    assert (code, column) in {(issue.code, issue.path) for issue in refused.value.issues}
    assert all(value not in issue.text for issue in refused.value.issues)


def test_a_text_of_an_unverified_list_passes_and_is_counted() -> None:
    row = sample("cld", "review")
    mapped = pack("cld").map(decoded("cld", row), CONTEXT)
    assert (Code.UNMAPPED_CODE, "Review Outcomes Achieved") in {(i.code, i.path) for i in mapped.issues}
    (event,) = mapped.events
    assert row["Review Outcomes Achieved"] in json.dumps(event.bundle)


# primary care


@pytest.mark.parametrize(("folder", "kind", "status"), [
    ("booking-delete", "Appointment", "cancelled"),
    ("referral-delete", "ServiceRequest", "revoked"),
    ("referral-deleted-as-error", "ServiceRequest", "entered-in-error"),
    ("booking-update", "Appointment", "booked"),
])  # fmt: skip
def test_a_deletion_shows_in_the_status(folder: str, kind: str, status: str) -> None:
    assert resource(bars(sample("bars", folder)), kind)["status"] == status


@pytest.mark.parametrize(("kind", "reason", "event"), [
    ("booking-request", "new", "appointment-booked-1"),
    ("booking-request", "update", "appointment-updated-1"),
    ("booking-request", "delete", "appointment-cancelled-1"),
    ("servicerequest-request", "new", "referral-received-1"),
    ("servicerequest-request", "update", "referral-updated-1"),
    ("servicerequest-request", "delete", "referral-cancelled-1"),
    ("booking-response", "new", "booking-response-received-1"),
    ("servicerequest-response", "update", "referral-response-updated-1"),
])  # fmt: skip
@pytest.mark.parametrize("systems", ["message-events-bars message-reason-bars",
                                     "message-event-servicerequest message-reason-servicerequest"])  # fmt: skip
def test_event_and_reason_say_what_happened_in_both_code_systems(
    kind: str, reason: str, event: str, systems: str
) -> None:
    message = sample("bars", "booking-new" if kind.startswith("booking") else "referral-update")
    header = message["entry"][0]["resource"]
    events, reasons = (f"https://fhir.nhs.uk/CodeSystem/{system}" for system in systems.split())
    header["eventCoding"] = {"system": events, "code": kind}
    header["reason"]["coding"] = [{"system": reasons, "code": reason}]
    assert pack("bars").recognises(formats.decode(json.dumps(message).encode(), Format.FHIR))
    assert bars(message).type == event


def test_an_unknown_reason_is_refused_and_not_guessed() -> None:
    message = sample("bars", "booking-new")
    message["entry"][0]["resource"]["reason"]["coding"][0]["code"] = "perhaps"
    with pytest.raises(Unprocessable) as refused:
        bars(message)
    assert (refused.value.code, refused.value.issues[0].path) == (Code.UNSUPPORTED_TRIGGER, "MessageHeader")


@pytest.mark.parametrize(
    ("name", "row", "path"), [("mhsds", {"table": "MHS999"}, "table"), ("cld", {"Name": "x"}, "Event Type")]
)
def test_a_row_of_no_known_kind_is_refused_at_the_column_that_says_its_kind(
    name: str, row: dict[str, str], path: str
) -> None:
    with pytest.raises(Unprocessable) as refused:
        pack(name).map(decoded(name, row), CONTEXT)
    assert (refused.value.code, refused.value.issues[0].path) == (Code.UNSUPPORTED_MESSAGE, path)


def test_update_and_cancellation_keep_the_ids_of_the_booking() -> None:
    folders = ("booking-new", "booking-update", "booking-delete")
    assert len({resource(bars(sample("bars", folder)), "Appointment")["id"] for folder in folders}) == 1


def test_two_resources_under_one_identifier_are_both_passed_on() -> None:
    message = sample("bars", "booking-new")
    organisation = next(e for e in message["entry"] if e["resource"]["resourceType"] == "Organization")
    twin = copy.deepcopy(organisation)
    twin["fullUrl"] = "urn:uuid:9f3c0ad2-6b1e-4a52-8d34-1f7f5b6c9e01"
    twin["resource"]["name"] = "SYNTHETIC OTHER SITE"
    twin["resource"].pop("id", None)
    message["entry"].append(twin)
    mapped = pack("bars").map(formats.decode(json.dumps(message).encode(), Format.FHIR), CONTEXT)
    entries = [entry["resource"] for entry in mapped.events[0].bundle["entry"]]
    passed = [each for each in entries if each["resourceType"] == "Organization"]
    assert {"SYNTHETIC OTHER SITE", organisation["resource"]["name"]} <= {each["name"] for each in passed}
    assert len({each["id"] for each in passed}) == len(passed)
    assert Code.DUPLICATE_RESOURCE in {issue.code for issue in mapped.issues}


def test_a_resource_without_a_type_is_invalid_and_no_fault_of_ours() -> None:
    message = sample("bars", "booking-new")
    del message["entry"][2]["resource"]["resourceType"]
    assert validation.validate(bars(message).bundle)


@pytest.mark.corpus
def test_the_public_bars_messages_become_bookings_of_a_verified_person() -> None:
    if not REAL.is_dir():
        pytest.skip(f"no corpus at {REAL}: set CAREHUB_CORPUS")
    files = sorted(REAL.glob("*.json"))
    assert files
    for file in files:
        mapped = pack("bars").map(formats.decode(file.read_bytes(), Format.FHIR), CONTEXT)
        (draft,) = restrict(mapped)
        assert draft.type == "appointment-booked-1"
        assert draft.subject is not None
        assert (draft.subject.nhs_number, draft.subject.nhs_status) == ("9476719931", "01")


# all of them


GOLDENS = [
    pytest.param(golden, id=f"{name}/{golden.parent.name}")
    for name in ("mhsds", "cld", "bars")
    for golden in sorted((PACKS / name / "samples").glob("*/expected.json"))
]


@pytest.mark.parametrize("golden", GOLDENS)
def test_goldens_are_about_a_person_or_refused(golden: Path) -> None:
    expected = json.loads(golden.read_text(encoding="utf-8"))
    assert expected.get("events") or expected.get("refused")
    assert all(event["subject"] for event in expected.get("events", ()))


def test_states_are_written_only_for_parents_and_rows_of_snapshots() -> None:
    states: list[ResourceState] = []
    for folder in sorted((PACKS / "bars" / "samples").iterdir()):
        if (folder / "message.json").is_file():
            states += bars(sample("bars", folder.name)).states
    assert states == []
