"""A message Bundle that exercises many types, and the ways in which a Bundle is broken."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "id": "b1",
    "type": "message",
    "timestamp": "2024-05-01T10:00:00.123+01:00",
    "entry": [
        {
            "fullUrl": "urn:uuid:c5957fdd-097b-409d-a406-49c52ceef2cd",
            "resource": {
                "resourceType": "MessageHeader",
                "eventCoding": {"system": "urn:carehub:event-type", "code": "patient-admitted-1"},
                "source": {"name": "PAS", "endpoint": "urn:carehub:source:dch-pas"},
                "focus": [{"reference": "Patient/p1"}],
            },
        },
        {
            "resource": {
                "resourceType": "Patient",
                "id": "p1",
                "meta": {"profile": ["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"]},
                "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
                "contained": [{"resourceType": "Organization", "id": "o1", "active": True}],
                "extension": [
                    {"url": "urn:x", "valueCodeableConcept": {"text": "t"}},
                    {"url": "urn:y", "valueBoolean": False},
                ],
                "identifier": [{"use": "official", "system": "urn:nhs", "value": "9434765919"}],
                "name": [
                    {
                        "family": "Smith",
                        "given": ["A", None],
                        "_given": [None, {"extension": [{"url": "u", "valueCode": "c"}]}],
                    }
                ],
                "telecom": [{"system": "phone", "value": "01", "rank": 1}],
                "gender": "female",
                "birthDate": "1970-02-28",
                "deceasedDateTime": "2024-02",
                "address": [{"line": ["1 High St"], "period": {"start": "2020"}}],
                "photo": [{"contentType": "image/png", "data": "aGVsbG8=", "url": "https://example.org/a", "size": 5}],
                "communication": [{"language": {"coding": [{"code": "en"}]}, "preferred": True}],
            }
        },
        {
            "resource": {
                "resourceType": "Encounter",
                "status": "in-progress",
                "class": {"code": "IMP"},
                "subject": {"reference": "Patient/p1"},
                "length": {"value": 3.5, "unit": "h", "comparator": "<"},
                "diagnosis": [{"condition": {"reference": "Condition/c1"}, "rank": 2}],
            }
        },
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "urn:s", "code": "a b", "userSelected": True}]},
                "effectiveDateTime": "2024-02-29T12:00:00Z",
                "valueSampledData": {"origin": {"value": 0}, "period": 10, "dimensions": 1, "data": "1 2 E"},
                "component": [{"code": {"text": "x"}, "valueTime": "12:30:00"}],
                "note": [{"time": "2024-05-01", "text": "seen", "authorString": "Dr"}],
            }
        },
        {
            "resource": {
                "resourceType": "Questionnaire",
                "status": "draft",
                "item": [
                    {"linkId": "1", "type": "group", "item": [{"linkId": "1.1", "type": "string", "maxLength": 3}]}
                ],
            }
        },
        {
            "resource": {
                "resourceType": "Parameters",
                "parameter": [
                    {"name": "a", "valueId": "x-1"},
                    {"name": "b", "part": [{"name": "c", "valueUri": "urn:a", "_valueUri": {"id": "i"}}]},
                    {"name": "d", "resource": {"resourceType": "Basic", "code": {"text": "x"}}},
                ],
            }
        },
    ],
}

FAULTS: dict[str, tuple[str, Any]] = {
    "unknown element": ("entry.1.resource.birthdate", "1970-01-01"),
    "unknown resource": ("entry.1.resource.resourceType", "Person2"),
    "no resource type": ("entry.2.resource.resourceType", None),
    "code outside the binding": ("entry.1.resource.gender", "men"),
    "nested code outside the binding": ("entry.1.resource.identifier.0.use", "main"),
    "text for a boolean": ("entry.1.resource.contained.0.active", "true"),
    "number for text": ("entry.1.resource.name.0.family", 5),
    "single for a list": ("entry.1.resource.name", {"family": "Smith"}),
    "list for a single": ("entry.1.resource.gender", ["female"]),
    "empty list": ("entry.1.resource.name", []),
    "empty object": ("entry.1.resource.name.0", {}),
    "empty text": ("entry.1.resource.name.0.family", ""),
    "white space": ("entry.1.resource.name.0.family", "  "),
    "null": ("entry.1.resource.name.0", None),
    "null without its extension": ("entry.1.resource.address.0.line", [None]),
    "impossible month": ("entry.1.resource.birthDate", "1970-13-01"),
    "impossible day": ("entry.1.resource.birthDate", "1971-02-29"),
    "time without zone": ("entry.3.resource.effectiveDateTime", "2024-02-29T12:00:00"),
    "date for an instant": ("timestamp", "2024-05-01"),
    "two types of a choice": ("entry.3.resource.valueString", "x"),
    "two types in an extension": ("entry.1.resource.extension.0.valueString", "x"),
    "required element missing": ("entry.2.resource.class", None),
    "required code missing": ("entry.3.resource.status", None),
    "required list missing": ("entry.3.resource.component.0.code", None),
    "negative position": ("entry.1.resource.telecom.0.rank", 0),
    "bad base64": ("entry.1.resource.photo.0.data", "a"),
    "bad id": ("entry.1.resource.id", "under_score"),
    "blank in a uri": ("entry.1.resource.identifier.0.system", "urn: x"),
    "unknown resource in a part": (
        "entry.5.resource.parameter.1.part.0.part",
        [{"name": "e", "resource": {"resourceType": "Nothing", "id": "x"}}],
    ),
    "unknown resource in a parameter": ("entry.5.resource.parameter.2.resource.resourceType", "Nothing"),
}
"""Name of the fault → where, and what to put there; None takes it out (from an object) or puts a null (into a list)."""


def with_fault(place: str, value: Any) -> dict[str, Any]:
    bundle = deepcopy(BUNDLE)
    *steps, last = (int(step) if step.isdigit() else step for step in place.split("."))
    target: Any = bundle
    for step in steps:
        target = target[step]
    if value is None and isinstance(target, dict):
        del target[last]
    else:
        target[last] = value
    return bundle


_ODD_TEXTS = (
    "|x|a b| a|true|5|2024|2024-13|2023-02-29|2024-02-29T25:00:00Z|2024-02-29T10:00:00Z"
    "|10:00:60|0000-01-01|a==|urn:uuid:1"
)
_ODD_OBJECTS = ({}, {"x": 1}, {"url": "u"}, {"extension": [{"url": "u"}]}, {"id": "i"}, {"reference": "x"})
_ODD_LISTS = ([], [None], [[]], ["x"])
_ODD = (None, True, 0, -1, 1, 2.5, 1.0, 10**12, " ", "\u00a0", "a\x01", "Patient")
_VALUES = st.sampled_from((*_ODD, *_ODD_TEXTS.split("|"), *_ODD_OBJECTS, *_ODD_LISTS))


@st.composite
def mutants(draw: st.DrawFn, base: dict[str, Any] = BUNDLE) -> dict[str, Any]:
    """The bundle after one to three random changes: a value replaced, a member taken out, put in or renamed."""
    bundle = deepcopy(base)
    for _ in range(draw(st.integers(1, 3))):
        holders = list(_holders(bundle))
        holder = draw(st.sampled_from(holders))
        if isinstance(holder, list):
            holder[draw(st.integers(0, len(holder) - 1))] = deepcopy(draw(_VALUES))
            continue
        name = draw(st.sampled_from(sorted(holder)))
        match draw(st.sampled_from(["replace", "replace", "take out", "rename", "put in"])):
            case "replace":
                holder[name] = deepcopy(draw(_VALUES))
            case "take out":
                del holder[name]
            case "rename":
                holder[draw(st.sampled_from([f"_{name}", name.lower(), "extension", "id"]))] = holder.pop(name)
            case "put in":
                added = draw(st.sampled_from(["valueString", "_status", "extension", "status", "x", "id"]))
                holder[added] = deepcopy(draw(_VALUES))
    return bundle


def _holders(value: Any) -> Any:
    if isinstance(value, dict | list) and value:
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _holders(item)
