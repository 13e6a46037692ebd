"""What is passed over or made once only, for speed, comes out as if it were not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from contract.errors import Unprocessable
from mappings.language.compile.slots import shared_slots
from mappings.language.problems import Place
from tests.mappings.language.folders import CONTEXT, adt, first, hl7_pack

_SYSTEM: Final = '      - url: "urn:x"\n        valueUri: local_system(PID-3[1].4.1)\n'
_TWICE: Final = "generalPractitioner:\n  - Practitioner(PID-10[1])\n  - Practitioner(PID-15)\n"
_GP: Final = {
    "datatypes__CWE__Practitioner.yaml": (
        "takes: CWE\nresourceType: Practitioner\nid: identity(CWE.1)\nidentifier:\n"
        "  - value: CWE.1\n    period:\n      start: CWE.7 | datetime\n"
    )
}


def test_a_doctor_named_twice_is_one_resource_with_two_references(tmp_path: Path) -> None:
    pack = hl7_pack(tmp_path, _TWICE, **_GP)
    bundle = pack.map(adt("PID|1||7|||||||G1|||||G1"), CONTEXT).events[0].bundle

    gp = first(bundle, "Practitioner")["id"]
    assert first(bundle, "Patient")["generalPractitioner"] == [{"reference": f"urn:uuid:{gp}"}] * 2
    assert sum(e["resource"]["resourceType"] == "Practitioner" for e in bundle["entry"]) == 1


def test_what_is_wrong_with_a_doctor_named_twice_is_told_of_both_fields(tmp_path: Path) -> None:
    pack = hl7_pack(tmp_path, _TWICE, **_GP)
    doctor = "G1^^^^^^20260231"

    with pytest.raises(Unprocessable) as caught:
        pack.map(adt(f"PID|1||7|||||||{doctor}|||||{doctor}"), CONTEXT)
    assert [issue.path for issue in caught.value.issues] == ["PID-10.7", "PID-15.7"]


def test_a_null_where_a_function_takes_what_may_be_absent_is_absent(tmp_path: Path) -> None:
    pack = hl7_pack(tmp_path, "contact:\n  - name:\n      text: PID-9[1].1\n    extension:\n" + _SYSTEM)
    patient = first(pack.map(adt('PID|1||7^^^""||||||X'), CONTEXT).events[0].bundle, "Patient")

    assert patient["contact"][0]["extension"][0]["valueUri"] == "urn:carehub:identifiers:dch-pas"


def test_locals_that_take_each_others_place_keep_their_values() -> None:
    body = ["def run(rows):", "    t0 = 'start of t1'", "    l1 = []"]
    body += [f"    t{n} = {n}" for n in range(2, 400)]
    body += [
        "    for i900, r901 in rows:",
        "        l1.append(t0)",
        "        t902 = r901 * 2",
        "        l1.append(t902)",
    ]
    body += ["    t903 = 'after'", "    return l1, t399, t903"]
    lines = [(text, Place("x.yaml")) for text in body]
    shared = shared_slots(lines)

    assert len(_locals(shared)) < 20 < len(_locals(lines))
    rows = [(1, 10), (2, 20), (3, 30)]
    assert _compiled(shared)["run"](rows) == _compiled(lines)["run"](rows)


def _compiled(lines: Any) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec("\n".join(text for text, _ in lines), names)  # noqa: S102
    return names


def _locals(lines: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = _compiled(lines)["run"].__code__.co_varnames
    return found
