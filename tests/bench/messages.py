"""The messages of the bench: an admission, and a report of fifty results."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Final

ADMISSION: Final = (Path(__file__).parent / "admission.hl7").read_text().replace("\n", "\r")
"""With the placeholders {control} and {person}."""

RESULTS: Final = 50


def admission(control: str = "B1", person: str = "BENCH0001") -> bytes:
    return ADMISSION.format(control=control, person=person).encode()


def _header(kind: str) -> list[str]:
    return [
        f"MSH|^~\\&|LAB|RBD|HUB|RBD|20260601090000||{kind}|B1|P|2.4",
        "PID|1||BENCH0001^^^RBD^MR||TESTER^ANN^^^MRS||19700102|2|||1 LONG LANE^^DORCHESTER^^DT1 1AA",
        "PV1|1|I|W12^B2^4^RBD||||C1234567^STONE^R^^^DR",
    ]


def report() -> bytes:
    """ORU^R01 with fifty numeric results, a tenth of them with a note."""
    random = Random(50)
    lines = [
        *_header("ORU^R01"),
        "ORC|RE|P100|F100",
        "OBR|1|P100|F100|FBC^FULL PROFILE^L|||202606010800|||||||||C1^POE^E",
    ]
    for number in range(1, RESULTS + 1):
        value = f"{random.uniform(1, 200):.1f}"
        lines.append(f"OBX|{number}|NM|T{number:03}^TEST {number}^L||{value}|mmol/L|3.5-150.0|N|||F|||202606010830")
        if number % 10 == 0:
            lines.append("NTE|1||checked by hand")
    return "\r".join(lines).encode()
