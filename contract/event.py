"""The envelope: CloudEvents 1.0, Kafka binding, binary mode. Value: a FHIR R4 message Bundle as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

CONTENT_TYPE: Final = "application/fhir+json"
SEQUENCE_DIGITS: Final = 19
EVENT_TYPE_SYSTEM: Final = "urn:carehub:event-type"
"""System of MessageHeader.eventCoding in every published Bundle."""

_EVENT_TYPE = re.compile(r"[a-z]+(?:-[a-z]+)+-[1-9][0-9]*")


def is_event_type(text: str) -> bool:
    """`noun-pastverb-major` in lower case: `patient-admitted-1`, `care-package-started-1`."""
    return _EVENT_TYPE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The headers of one event. Times are UTC; `sequence` grows per person, with gaps. `replay` is the id of the replay
    that it comes by, `corrects` that of the event which it takes the place of."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    received: datetime
    place: str
    sector: str
    organisation: str
    sequence: int
    late: bool = False
    replay: str | None = None
    corrects: str | None = None
    traceparent: str | None = None

    def headers(self) -> list[tuple[str, bytes]]:
        """Kafka record headers, in a fixed order."""
        pairs = [
            ("ce_specversion", "1.0"),
            ("ce_id", self.id),
            ("ce_source", self.source),
            ("ce_type", self.type),
            ("ce_subject", self.subject),
            ("ce_time", rfc3339(self.time)),
            ("ce_received", rfc3339(self.received)),
            ("content-type", CONTENT_TYPE),
            ("ce_place", self.place),
            ("ce_sector", self.sector),
            ("ce_organisation", self.organisation),
            ("ce_sequence", str(self.sequence).zfill(SEQUENCE_DIGITS)),
        ]
        if self.late:
            pairs.append(("ce_late", "true"))
        if self.replay:
            pairs.append(("ce_replay", self.replay))
        if self.corrects:
            pairs.append(("ce_corrects", self.corrects))
        if self.traceparent:
            pairs.append(("traceparent", self.traceparent))
        return [(name, value.encode()) for name, value in pairs]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes]]) -> Envelope:
        """Reads record headers. Raises ValueError, naming the header, when one is missing or unreadable."""
        got: Mapping[str, str] = {name: value.decode() for name, value in headers}
        try:
            return cls(
                id=got["ce_id"],
                source=got["ce_source"],
                type=got["ce_type"],
                subject=got["ce_subject"],
                time=datetime.fromisoformat(got["ce_time"]),
                received=datetime.fromisoformat(got["ce_received"]),
                place=got["ce_place"],
                sector=got["ce_sector"],
                organisation=got["ce_organisation"],
                sequence=int(got["ce_sequence"]),
                late=got.get("ce_late") == "true",
                replay=got.get("ce_replay"),
                corrects=got.get("ce_corrects"),
                traceparent=got.get("traceparent"),
            )
        except KeyError as missing:
            raise ValueError(f"the record has no header {missing.args[0]}: it is not an event of this hub") from None


def source_uri(source: str) -> str:
    """`ce_source` of a registered source."""
    return f"urn:carehub:source:{source}"


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and a `Z`. Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time in an envelope needs a zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """A time with a zone (ISO 8601), in UTC. Raises ValueError for anything else."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except OverflowError:  # at either end of the calendar
        pass
    raise ValueError("it is no time with a zone, as in 2026-01-31T09:00:00Z")
