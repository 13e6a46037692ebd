"""Results and orders by the built-in packs: what no sample can say."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import pytest

from contract.identifiers import ResourceIds
from mappings import formats
from mappings.language import CompiledPack
from mappings.restriction import restrict
from mappings.stages import Format, MapContext, Mapped, Sender
from mappings.validation import check_reference, validate
from tests.packs import built_in

CONTEXT: Final = MapContext(Sender("lims", "lims", "RBD"), ResourceIds(b"test"), datetime(2026, 7, 1, tzinfo=UTC))
PID: Final = "PID|1||880011^^^SITE1^MR||FALK^INGRID||19700101|F"


@cache
def pack() -> CompiledPack:
    return built_in("hl7v2")


def mapped(*segments: str, kind: str = "ORU^R01", version: str = "2.5.1") -> Mapped:
    header = f"MSH|^~\\&|LIMS|RBD|||20260602093000+0100||{kind}|M1|P|{version}"
    decoded = formats.decode("\r".join([header, *segments]).encode(), Format.HL7V2)
    result = pack().map(decoded, CONTEXT)
    for event in result.events:
        assert not validate(event.bundle)
        assert not check_reference(event.bundle)
    return result


def resources(result: Mapped, kind: str) -> list[Any]:
    return [e["resource"] for e in result.events[0].bundle["entry"] if e["resource"]["resourceType"] == kind]


def segment(name: str, **fields: str) -> str:
    """`segment("OBR", f4="A")` has its fourth field filled."""
    numbers = {int(key[1:]): value for key, value in fields.items()}
    return "|".join([name, *(numbers.get(n, "") for n in range(1, max(numbers) + 1))])


@pytest.mark.parametrize("code", ["R^Restricted^HL70177", "V", "HIV", "PSY^Psychiatric patient^HL70177", "ETH"])
def test_a_confidential_order_goes_to_the_restricted_topic_with_its_results(code: str) -> None:
    order = segment("ORC", f1="RE", f3="F1", f28=code)
    (draft,) = restrict(mapped(PID, order, "OBR|1||F1|A^Test^L", "OBX|1|ST|A^Test^L||x||||||F"))

    assert draft.restricted


@pytest.mark.parametrize("code", ["U^Usual control^HL70177", ""])
def test_an_order_under_usual_control_does_not(code: str) -> None:
    order = segment("ORC", f1="RE", f3="F1", f28=code)
    (draft,) = restrict(mapped(PID, order, "OBR|1||F1|A^Test^L", "OBX|1|ST|A^Test^L||x||||||F"))

    assert not draft.restricted


def test_a_result_is_based_on_the_order_that_was_placed() -> None:
    placed = mapped(PID, "ORC|NW|P1^EPR", "OBR|1|P1^EPR||A^Test^L", kind="ORM^O01")
    done = mapped(PID, "OBR|1|P1^EPR|F1^LAB|A^Test^L", "OBX|1|ST|A^Test^L||x||||||F")

    (order,) = resources(placed, "ServiceRequest")
    (report,) = resources(done, "DiagnosticReport")
    assert report["basedOn"] == [{"reference": f"urn:uuid:{order['id']}"}]
    assert resources(done, "ServiceRequest")[0]["id"] == order["id"]


def test_a_correction_has_the_ids_of_what_it_corrects() -> None:
    ids = []
    for status, value in (("F", "5"), ("C", "6")):
        report = segment("OBR", f2="P1", f3="F1", f4="A^Test^L", f7="20260602", f25=status)
        result = mapped(PID, report, f"OBX|1|NM|A^Test^L||{value}|g/L|||||{status}")
        kinds = ("DiagnosticReport", "Observation", "ServiceRequest")
        ids.append([resource["id"] for kind in kinds for resource in resources(result, kind)])

    assert ids[0] == ids[1]
    assert len(ids[0]) == 3


@pytest.mark.parametrize(
    "kind", ["ORU^R01", "ORU^R99", "ORU", "OUL^R22", "OUL", "ORM^O01", "OML^O21", "OML^O33", "OMG"]
)
@pytest.mark.parametrize("version", ["2.1", "2.3.1", "2.9", "9.9", ""])
def test_any_trigger_and_version_of_a_known_structure_is_mapped(kind: str, version: str) -> None:
    segments = [PID, "ORC|RE|P1|F1", "OBR|1|P1|F1|A^Test^L", "OBX|1|ST|A^Test^L||x||||||F"]

    assert [o["valueString"] for o in resources(mapped(*segments, kind=kind, version=version), "Observation")] == ["x"]


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param([PID, "OBR|1"], id="a bare request"),
        pytest.param([PID, "ORC|RE|P1"], id="an order alone"),
        pytest.param(["OBR|1||F1|A^Test^L", "OBX|1|NM|A^Test^L||5"], id="no patient"),
        pytest.param(["ORC|RE|P1|F1", "OBR|1|P1|F1|A^Test^L"], id="an order for nobody"),
        pytest.param(["PV1|1|I|W1||||||||||||||||V1", "OBR|1||F1|A^Test^L"], id="a visit of nobody"),
        pytest.param([PID, "PV1|1||W1", "OBR|1||F1|A^Test^L"], id="a visit without a class"),
        pytest.param([PID, "OBX|1|NM|A^Test^L||5"], id="an observation alone"),
        pytest.param([PID, "OBR|1||F1|A^Test^L", "OBX|1|NM|||5"], id="an observation of nothing"),
        pytest.param([PID, "OBR|1||F1|A^Test^L", "NTE|1", "OBX|1|TX|A^Test^L"], id="nothing said"),
        pytest.param(
            [PID, "OBR|1||F1|A^Test^L", "OBX|1|NM|A^Test^L||see text|||||Q"], id="unknown status and no number"
        ),
        pytest.param([PID, segment("OBR", f3="F1", f4="A", f22="20260602", f25="?")], id="a date for an instant"),
        pytest.param([PID, segment("OBR", f3="F1", f4="A", f9="10 ml", f27="x^y", f32="1^A^B")], id="odd contents"),
        pytest.param([PID, "OBR|1||F1|A", "SPM|1", "OBX|1|ST|A||x", "SPM|2"], id="specimens without a number"),
    ],
)
@pytest.mark.parametrize("kind", ["ORU^R01", "OUL^R22", "ORM^O01", "OML^O33"])
def test_what_is_left_out_does_not_refuse_the_message(kind: str, segments: list[str]) -> None:
    assert mapped(*segments, kind=kind).events


def test_a_large_report_comes_through_whole() -> None:
    data = base64.b64encode(bytes(range(256)) * 12_000).decode()
    result = mapped(PID, "OBR|1||F1|A^Test^L", f"OBX|1|ED|A^Report^L||LIMS^application^pdf^Base64^{data}||||||F")

    assert resources(result, "DiagnosticReport")[0]["presentedForm"][0]["data"] == data
