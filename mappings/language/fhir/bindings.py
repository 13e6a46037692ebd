"""Required bindings that fhir.resources cuts short with a `+`, complete as FHIR R4 has them."""

from __future__ import annotations

from typing import Final

_OBSERVATION = [
    "registered",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "cancelled",
    "entered-in-error",
    "unknown",
]
_ENCOUNTER = [
    "planned",
    "arrived",
    "triaged",
    "in-progress",
    "onleave",
    "finished",
    "cancelled",
    "entered-in-error",
    "unknown",
]
_ITEM = "group display question boolean decimal integer date dateTime time string text url choice open-choice"
_TASK = "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed"
_TRANSFORM = "create copy truncate escape cast append translate reference dateOp uuid pointer evaluate cc c qty id cp"

COMPLETED: Final[dict[str, list[str]]] = {
    "DetectedIssue.status": _OBSERVATION,
    "DeviceUdiCarrier.entryType": ["barcode", "rfid", "manual", "card", "self-reported", "unknown"],
    "DeviceUseStatement.status": ["active", "completed", "entered-in-error", "intended", "stopped", "on-hold"],
    "DiagnosticReport.status": [
        "registered",
        "partial",
        "preliminary",
        "final",
        "amended",
        "corrected",
        "appended",
        "cancelled",
        "entered-in-error",
        "unknown",
    ],
    "Encounter.status": _ENCOUNTER,
    "EncounterStatusHistory.status": _ENCOUNTER,
    "Observation.status": _OBSERVATION,
    "QuestionnaireItem.type": [*_ITEM.split(), "attachment", "reference", "quantity"],
    "RiskAssessment.status": _OBSERVATION,
    "StructureMapGroupRuleTarget.transform": _TRANSFORM.split(),
    "SupplyRequest.status": [
        "draft",
        "active",
        "suspended",
        "cancelled",
        "completed",
        "entered-in-error",
        "unknown",
    ],
    "Task.status": [*_TASK.split(), "entered-in-error"],
}
