"""`unreadable:` of pack.yaml: a value that is not what its element takes is an error, or is left out with a warning;
where FHIR requires the element it is an error all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import Severity, Unprocessable
from mappings.language import CompiledPack, PackError, load_pack
from mappings.language.stack import Locality
from tests.mappings.language.folders import CONTEXT, HL7, adt, first, write_pack

LENIENT = HL7 | {"pack.yaml": HL7["pack.yaml"] + "unreadable: leave-out\n"}
PATIENT = HL7["segments/PID/Patient.yaml"] + "birthDate: PID-7 | date\n"
VACCINATION = {
    "messages/ADT.yaml": HL7["messages/ADT.yaml"] + "  given: Immunization(RXA, ref(patient))\n",
    "segments/RXA/Immunization.yaml": (
        "takes: RXA, patient\nresourceType: Immunization\nid: identity(RXA-15[1])\n"
        'status: "completed"\nvaccineCode:\n  text: RXA-5.2\npatient: patient\noccurrenceDateTime: RXA-3 | datetime\n'
    ),
}
BORN = "PID|1||7||||{born}"


def pack(folder: Path, **files: str) -> CompiledPack:
    every = LENIENT | {"segments/PID/Patient.yaml": PATIENT} | files
    return load_pack("mine", [write_pack(folder, every)])


def test_by_default_the_message_is_refused(tmp_path: Path) -> None:
    strict = pack(tmp_path, **{"pack.yaml": HL7["pack.yaml"]})
    with pytest.raises(Unprocessable) as refused:
        strict.map(adt(BORN.format(born="19651399")), CONTEXT)
    assert [(i.code, i.path, i.severity) for i in refused.value.issues] == [
        ("invalid-date", "PID-7", Severity.ERROR),
    ]


def test_left_out_it_costs_the_element_and_is_told(tmp_path: Path) -> None:
    mapped = pack(tmp_path).map(adt(BORN.format(born="19651399")), CONTEXT)
    patient = first(mapped.events[0].bundle, "Patient")
    assert "birthDate" not in patient
    assert patient["identifier"] == [{"value": "7"}]
    [issue] = mapped.issues
    assert (issue.code, issue.path, issue.severity) == ("invalid-date", "PID-7", Severity.WARNING)
    assert issue.text.endswith("it is left out")
    assert "19651399" not in issue.text


def test_what_can_be_read_is_kept_without_a_word(tmp_path: Path) -> None:
    mapped = pack(tmp_path).map(adt(BORN.format(born="19651213")), CONTEXT)
    assert first(mapped.events[0].bundle, "Patient")["birthDate"] == "1965-12-13"
    assert mapped.issues == ()


def test_where_fhir_requires_it_the_message_is_refused_for_it(tmp_path: Path) -> None:
    required = pack(tmp_path, **VACCINATION)
    with pytest.raises(Unprocessable) as refused:
        required.map(adt("PID|1||7", "RXA|0|1|20261399||90^Flu||||||||||LOT1"), CONTEXT)
    issue = refused.value.issues[0]
    assert (issue.code, issue.path, issue.severity) == ("invalid-date", "RXA-3", Severity.ERROR)
    assert "needed for Immunization.occurrence" in issue.text
    assert "left out" not in issue.text


def test_an_empty_field_that_fhir_requires_is_still_called_missing(tmp_path: Path) -> None:
    with pytest.raises(Unprocessable) as refused:
        pack(tmp_path, **VACCINATION).map(adt("PID|1||7", "RXA|0|1|||90^Flu||||||||||LOT1"), CONTEXT)
    assert refused.value.code == "missing-field"


def test_the_time_of_the_event_is_the_next_that_can_be_read(tmp_path: Path) -> None:
    happened = HL7["messages/ADT.yaml"].replace("happened: MSH-7", "happened: EVN-2 ?? MSH-7")
    mapped = pack(tmp_path, **{"messages/ADT.yaml": happened}).map(adt("EVN||2026", "PID|1||7"), CONTEXT)
    assert mapped.events[0].happened.year == 2026
    assert mapped.events[0].happened.month == 1
    mapped = pack(tmp_path, **{"messages/ADT.yaml": happened}).map(adt("EVN||2O26", "PID|1||7"), CONTEXT)
    assert mapped.events[0].happened.isoformat() == "2026-01-02T03:04:05+00:00"
    assert [(issue.code, issue.path) for issue in mapped.issues] == [("invalid-date", "EVN-2")]


def test_a_place_may_be_stricter(tmp_path: Path) -> None:
    write_pack(tmp_path, LENIENT | {"segments/PID/Patient.yaml": PATIENT})
    overlay = {"pack.yaml": 'overlay: mine 1.x\nplace: qvv\nversion: "1"\nlanguage: 1\nunreadable: refuse\n'}
    write_pack(tmp_path, overlay, "qvv")
    strict = load_pack("mine", [tmp_path], locality=Locality(("qvv",)))
    with pytest.raises(Unprocessable):
        strict.map(adt(BORN.format(born="19651399")), CONTEXT)


def test_another_word_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(PackError) as told:
        pack(tmp_path, **{"pack.yaml": HL7["pack.yaml"] + "unreadable: ignore\n"})
    assert "`unreadable` is not `ignore`" in str(told.value)
    assert "one of refuse, leave-out" in str(told.value)


COUNTED = HL7["segments/PID/Patient.yaml"] + "telecom:\n  - value: PID-23\n    rank: PID-24 | integer\n"


def test_a_count_below_what_fhir_lets_stand_is_none_that_can_be_read(tmp_path: Path) -> None:
    lenient = pack(tmp_path, **{"segments/PID/Patient.yaml": COUNTED})
    ranked, below = (lenient.map(adt("PID|1||7" + "|" * 20 + f"0123|{rank}"), CONTEXT) for rank in ("1", "0"))

    assert first(ranked.events[0].bundle, "Patient")["telecom"] == [{"value": "0123", "rank": 1}]
    assert first(below.events[0].bundle, "Patient")["telecom"] == [{"value": "0123"}]
    assert [(i.code, i.path) for i in below.issues] == [("invalid-value", "PID-24")]


@pytest.mark.parametrize("rank", ["0", "-1", "1.5"])
def test_a_pack_cannot_write_down_a_count_that_fhir_does_not_have(tmp_path: Path, rank: str) -> None:
    with pytest.raises(PackError) as told:
        pack(tmp_path, **{"segments/PID/Patient.yaml": COUNTED.replace("PID-24 | integer", rank)})
    assert "ContactPoint.rank is positiveInt" in str(told.value)
