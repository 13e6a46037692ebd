"""What a judge said of a bundle, and whose fault it is: ours, the sender's, or one that is accepted for a reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml

ERROR: Final = "error"
WARNING: Final = "warning"
REMARK: Final = "information"

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OBJECT: Final = re.compile(r"@[0-9a-f]+\b")  # an address in the validator's memory
_INDEX: Final = re.compile(r"\[\d+\]")
_ENTRY: Final = re.compile(r"^.*\.resource/\*(\w+)/[^*]*\*/")

_UK_CORE: Final = r"https?://fhir\.hl7\.org\.uk/"
_HL7: Final = r"https?://(?:hl7\.org/fhir|terminology\.hl7\.org)/"
_WITHOUT_CODES: Final = "MessageEvent|MessageHeaderInstruction"  # published empty, so not loaded
_UNKNOWN: Final = r"(?:Profile reference '|Unknown extension |CodeSystem is unknown and can't be validated: )"
_PROMOTED: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"Profile reference '(?:{_UK_CORE}|{_HL7})\S+' has not been checked",
        rf"Unknown extension (?:{_UK_CORE}|{_HL7})",
        rf"CodeSystem is unknown and can't be validated: (?:{_UK_CORE}|{_HL7})CodeSystem/UKCore-(?!{_WITHOUT_CODES})",
        r"Can't find 'urn:uuid:[^']*' in the bundle",
    )
)
"""Less than errors for the validator, since it cannot know what exists elsewhere. All of UK Core and R4 is loaded, and
a `urn:uuid` means an entry of this Bundle."""
_UNKNOWABLE: Final = re.compile(rf"{_UNKNOWN}{_UK_CORE}")


@dataclass(frozen=True, slots=True, order=True)
class Verdict:
    """`severity` is fatal, error, warning or information; `path` FHIR's own, from the Bundle; `profile` where told."""

    bundle: str
    judge: str
    severity: str
    code: str
    path: str
    message: str
    profile: str = ""

    @property
    def place(self) -> str:
        """The path from the resource on, without indices: `Patient.identifier.type`."""
        return _INDEX.sub("", _ENTRY.sub(r"\1", self.path))

    @property
    def likeness(self) -> tuple[str, str, str]:
        """What two verdicts on the same content share, whatever ids the resources have there."""
        return self.code, self.place, _OBJECT.sub("", _UUID.sub("UUID", self.message))


@dataclass(slots=True)
class Acceptance:
    """A row of accepted.yaml: warnings whose message, place and bundle match are accepted, for this reason; errors too
    where the row says so."""

    message: re.Pattern[str]
    place: re.Pattern[str]
    bundle: re.Pattern[str]
    reason: str
    errors: bool = False
    seen: int = 0

    def takes(self, verdict: Verdict) -> bool:
        return (verdict.severity == WARNING or self.errors) and bool(
            self.message.search(verdict.message)
            and self.place.search(verdict.place)
            and self.bundle.search(verdict.bundle)
        )


@dataclass(slots=True)
class Sorted:
    """`ours` must be empty: errors, and warnings that no row accepts. `theirs` a sender's own FHIR carried already.
    `remarks` are what the validator only mentions, counted by its code."""

    ours: list[Verdict] = field(default_factory=list)
    theirs: list[Verdict] = field(default_factory=list)
    accepted: list[Acceptance] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)


def read_accepted(file: Path) -> list[Acceptance]:
    """The rows of the file. A row that lacks its reason, or has a key that none has, raises ValueError."""
    return [_acceptance(row) for row in yaml.safe_load(file.read_text(encoding="utf-8"))]


def _acceptance(row: dict[str, Any]) -> Acceptance:
    if odd := set(row) - {"message", "place", "bundle", "errors", "reason"}:
        raise ValueError(f"a row of accepted.yaml has {', '.join(sorted(odd))}")
    if not row.get("reason") or not row.get("message"):
        raise ValueError(f"a row of accepted.yaml lacks its message or its reason: {row}")
    message, place, bundle = (re.compile(row.get(name, "")) for name in ("message", "place", "bundle"))
    return Acceptance(message, place, bundle, " ".join(row["reason"].split()), row.get("errors", False))


def weighed(verdict: Verdict, uk_core: bool) -> Verdict:
    """The verdict with the severity that it has for us; `uk_core`: whether UK Core's definitions were loaded."""
    if not uk_core and _UNKNOWABLE.search(verdict.message):
        return replace(verdict, severity=REMARK)
    if verdict.severity == "fatal" or any(pattern.search(verdict.message) for pattern in _PROMOTED):
        return replace(verdict, severity=ERROR)
    return verdict


def sort_out(
    verdicts: Iterable[Verdict], sent: Mapping[str, Collection[Verdict]], accepted: Sequence[Acceptance]
) -> Sorted:
    """`verdicts` are weighed; `sent` has, for a bundle that a sender's own FHIR passed into, what the judges say of the
    FHIR that was sent."""
    found = Sorted(accepted=list(accepted))
    carried = {bundle: {each.likeness for each in said} for bundle, said in sent.items()}
    for verdict in sorted(verdicts):
        if verdict.severity not in (ERROR, WARNING):
            found.remarks[verdict.code] += 1
        elif verdict.likeness in carried.get(verdict.bundle, ()):
            found.theirs.append(verdict)
        elif row := next((row for row in accepted if row.takes(verdict)), None):
            row.seen += 1
        else:
            found.ours.append(verdict)
    return found
