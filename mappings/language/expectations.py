"""What is expected of a sample: its golden, compared path by path, and assertions written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from mappings.language.comparing import ABSENT, differences
from mappings.language.fhir.model import is_resource, type_model, type_names
from mappings.language.nodes import Mapping, Scalar, read_yaml
from mappings.language.problems import Problems, did_you_mean
from mappings.language.runtime.state import REFERENCE
from mappings.stages import Json

NOTHING: Final = "absent"
_STEP: Final = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:\[(?P<index>\d+)\])?")
_RESOURCE: Final = re.compile(r"[A-Z][A-Za-z]+\[\d+\]")


def compared(expected: Json, came: Json) -> Iterator[str]:
    """Where two JSON values differ, a line each: `-` is expected, `+` came."""
    for path, before, after in differences(expected, came, ""):
        sides = ((sign, value) for sign, value in (("-", before), ("+", after)) if value is not ABSENT)
        yield f"{path}: {' '.join(f'{sign} {_short(value)}' for sign, value in sides)}"


def _short(value: Json) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 120 else f"{text[:117]}…"


def asserted(folder: Path, outcome: Json) -> Iterator[str]:
    """Each `path: value` of asserts.yaml, on the last event; `absent` says that there is nothing, `Observation[1]` that
    there is the reference to it."""
    file = folder / "asserts.yaml"
    if not file.is_file():
        return
    problems = Problems()
    node = read_yaml(file.read_text(encoding="utf-8"), f"{folder.name}/asserts.yaml", problems)
    yield from map(str, problems.found)
    if not isinstance(node, Mapping):
        return
    for entry in node:
        if not isinstance(entry.value, Scalar):
            yield f"{entry.key.place}  an assertion is `path: value`"
            continue
        wrong = _no_path(entry.key.text)
        if wrong:
            yield f"{entry.key.place}  {entry.key.text}: {wrong}"
            continue
        found = _looked_up(outcome, entry.key.text)
        if not _holds(outcome, found, entry.value):
            yield f"{entry.key.place}  {entry.key.text}: - {entry.value.text} + {_short(found)}"


def _no_path(path: str) -> str:
    """Why nothing can ever stand there, empty where something may: of a slip, `absent` would hold for good."""
    if not (parts := _steps(path)):
        return "this is no path; write `Patient.name[0].family`"
    (kind, _), *steps = parts
    if kind in ("event", "refused"):
        return ""
    if not is_resource(kind):
        return _with_advice(f"FHIR R4 has no resource {kind}", did_you_mean(kind, filter(is_resource, type_names())))
    model = type_model(kind)
    for position, (name, index) in enumerate(steps):
        if model is None or model.name == "Resource":  # any
            return ""
        element = model.elements.get(name)
        if element is None:
            return _with_advice(f"{model.name} has no element {name}", did_you_mean(name, model.suggestions()))
        if index and not element.many:
            return f"{name} is single; leave [{index}] out"
        if position < len(steps) - 1:
            if element.many and not index:
                return f"{name} is a list; write `{name}[0]`"
            if element.primitive:
                return f"{name} is a {element.type}, which has nothing inside"
        model = type_model(element.type)
    return ""


def _steps(path: str) -> list[tuple[str, str | None]]:
    """`name` and `3` of each `name[3]`; empty where it is no path."""
    matches = [_STEP.fullmatch(step) for step in path.split(".")]
    return [(match["name"], match["index"]) for match in matches if match] if all(matches) else []


def _with_advice(said: str, advice: str) -> str:
    return f"{said}; {advice}" if advice else said


def _holds(outcome: Json, found: Json, wanted: Scalar) -> bool:
    if wanted.quoted:
        return bool(found == wanted.text)
    if wanted.text == NOTHING:
        return found is None
    if _RESOURCE.fullmatch(wanted.text):
        identity = _looked_up(outcome, f"{wanted.text}.id")
        return identity is not None and bool(found == f"{REFERENCE}{identity}")
    return found is not None and _short(found) == wanted.text


def _looked_up(outcome: Json, path: str) -> Json:
    """`Patient.identifier[0].value` in the last event's Bundle; `event.type`; `refused[0].code`. None if absent."""
    events = outcome.get("events") or [{}]
    resources = [entry["resource"] for entry in events[-1].get("bundle", {}).get("entry", [])]
    value: Json = None
    for position, (name, index) in enumerate(_steps(path)):
        number = int(index) if index else None
        if position == 0:
            kinds = [r for r in resources if r["resourceType"] == name]
            value = {"event": events[-1], "refused": outcome.get("refused")}.get(name, kinds)
            if name not in ("event", "refused"):
                number = number or 0
        elif isinstance(value, dict):
            value = value.get(name)
        else:
            return None
        if number is not None:
            value = value[number] if isinstance(value, list) and number < len(value) else None
    return value
