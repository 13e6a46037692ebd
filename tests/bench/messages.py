"""The messages of the bench: an admission, a report of fifty results, and a letter as a PDF of one megabyte."""

from __future__ import annotations

from base64 import b64encode
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


def letter() -> bytes:
    """MDM^T02 with a document of a million bytes in base64."""
    document = b64encode(b"%PDF-1.7\n" + Random(1).randbytes(1_000_000)).decode()
    lines = [
        *_header("MDM^T02"),
        "TXA|1|DS^Discharge summary^L|AP|20260601090000|C1234567^STONE^R||||||D100^LETTERS||||letter.pdf|AU|N|AV",
        f"OBX|1|ED|DS^Discharge summary^L||^application^pdf^Base64^{document}||||||F",
    ]
    return "\r".join(lines).encode()
