"""What is fuzzed: for each target a promise that holds of any bytes, and the good bytes to begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.fuzz import decoders, framing, long, middle, planted, seeds

Promise = Callable[[bytes], None]
"""Raises whatever it likes where something else happens than it promises."""
Seeds = Callable[[], tuple[bytes, ...]]

_HL7: Final = (
    b"\r",
    b"\n",
    b"|",
    b"^",
    b"~",
    b"\\",
    b"&",
    b"MSH|^~\\&|",
    b"\\X0D\\",
    b"\\.br\\",
    b"PID|",
    b'""',
    b"\x0b",
)
_JSON: Final = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"1e400",
    b"-0",
    b"1.50",
    b"\\ud800",
    b"\\u0000",
    b"null",
    b"true",
)
_XML: Final = (
    b"<!DOCTYPE x>",
    b"<?",
    b"<![CDATA[",
    b"]]>",
    b"&#x41;",
    b"/>",
    b"</",
    b' value="',
    b' id="',
    b"<!--",
    b"xmlns:",
)
_CSV: Final = (b",", b";", b"\t", b'"', b'""', b"\r\n", b"\n", b"\xef\xbb\xbf", b"\x00", b"\xa3")
_MLLP: Final = (b"\x0b", b"\x1c", b"\r", b"\n", b"\x0bMSH|^~\\&|", b"\x1c\r\x0b", b"MSH|", b"|2.5|", b"|AL|NE|")
_LONG: Final = (b"\xff", b"#", *_HL7, *_JSON, *_CSV)


@dataclass(frozen=True, slots=True)
class Target:
    """`longest` is the size of an input in bytes; longer seeds are left out. `seconds` is the processor time that one
    may take, `words` what the fuzzer puts in beside what it finds itself. `hl7v2` has half of the inputs damaged
    segment by segment."""

    promise: Promise
    seeds: Seeds
    words: tuple[bytes, ...] = ()
    longest: int = 1024
    seconds: float = 1.0
    hl7v2: bool = False


_ITK: Final = middle.to_drafts("hl7v2-itk", "application/hl7-v2")

TARGETS: Final[Mapping[str, Target]] = {
    "hl7v2": Target(decoders.hl7v2, seeds.hl7v2, _HL7, longest=512, hl7v2=True),
    "hl7v2-batch": Target(decoders.batch, seeds.hl7v2, (*_HL7, b"FHS|^~\\&|", b"BHS|^~\\&|", b"BTS|1\r"), longest=512),
    "fhir-json": Target(decoders.fhir, seeds.fhir_json, _JSON, longest=512),
    "fhir-xml": Target(decoders.fhir, seeds.fhir_xml, _XML, longest=512),
    "csv": Target(decoders.csv, seeds.csv, _CSV, longest=256),
    "json": Target(decoders.row, seeds.rows, _JSON),
    "ndjson": Target(decoders.ndjson, seeds.rows, (*_JSON, b"\n"), longest=512),
    "any-type": Target(decoders.any_type, lambda: tuple(b"\x00" + body for body in seeds.every()), (*_HL7, *_JSON)),
    "mllp": Target(
        framing.mllp, lambda: tuple(framing.stream(body) for body in seeds.hl7v2()[:20]), _MLLP, longest=512
    ),
    "long": Target(long.decoded, lambda: long.recipes(seeds.every()), _LONG, longest=2048, seconds=4.0),
    "drafts-hl7v2-itk": Target(_ITK, seeds.hl7v2, _HL7, seconds=2.0, hl7v2=True),
    "drafts-bars": Target(middle.to_drafts("bars", "application/fhir+json"), seeds.fhir_json, _JSON, 8192, 2.0),
    "drafts-mhsds": Target(middle.to_drafts("mhsds", "application/x-ndjson"), seeds.rows, _JSON, seconds=2.0),
    "drafts-cld": Target(middle.to_drafts("cld", "text/csv"), seeds.csv, _CSV, seconds=2.0),
    "drafts-long": Target(long.at_length(_ITK), lambda: long.recipes(seeds.hl7v2()[:2]), _LONG, 2048, 5.0),
}

PLANTED: Final[Mapping[str, Target]] = {
    "planted-crash": Target(planted.crashes, planted.seeds, longest=16),
    "planted-delay": Target(planted.is_slow, planted.seeds, longest=16, seconds=0.5),
    "planted-leak": Target(planted.grows, planted.seeds, longest=16),
}
"""Faults put in on purpose: the fuzzer is believed because it finds them."""
