"""What an editor is told of pack files: all that are right pass, and planted mistakes do not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from mappings.language.compile.messages import KEYS
from mappings.language.folder import BUILT_IN
from mappings.language.nodes import Mapping, read_yaml
from mappings.language.problems import Problems
from mappings.language.schema.files import schema_of, schemas
from tests.mappings.language.folders import FIXTURES

REFERENCE = re.compile(r'"\$ref": "(\w+)\.json"')
FOLDERS = ("messages", "segments", "datatypes", "templates")


@cache
def every() -> dict[str, Any]:
    return schemas({"Patient": {"birthDate": "The date of birth for the individual"}})


@cache
def validator(name: str) -> jsonschema_rs.Draft7Validator:
    """Of the schema with all that it refers to, in one document: the validator resolves no files."""
    texts, waiting = {}, [name]
    while waiting:
        each = waiting.pop()
        texts[each] = json.dumps(every()[each])
        waiting += {to for to in REFERENCE.findall(texts[each]) if to not in texts}
    definitions = {each: json.loads(REFERENCE.sub(r'"$ref": "#/definitions/\1"', text)) for each, text in texts.items()}
    return jsonschema_rs.Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": definitions})


def judged(file: str, text: str) -> list[str]:
    document = read_yaml(text, file, Problems())
    assert isinstance(document, Mapping)
    found = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  (every scalar as text)
    return [
        f"{'/'.join(map(str, e.instance_path))}: {e.message}"
        for e in validator(schema_of(file, document)).iter_errors(found)
    ]


def pack_files() -> Iterator[tuple[str, Path]]:
    for root in sorted(p for folder in (BUILT_IN, FIXTURES) for p in folder.iterdir() if (p / "pack.yaml").is_file()):
        for path in sorted(root.rglob("*.yaml")):
            relative = path.relative_to(root).as_posix().removesuffix(".yaml")
            if not relative.startswith("samples/"):
                yield relative, path


def test_every_file_of_every_built_in_pack_is_valid() -> None:
    found = {str(path): judged(file, path.read_text(encoding="utf-8")) for file, path in pack_files()}

    assert len(found) > 60
    assert {path: errors for path, errors in found.items() if errors} == {}


PATIENT = "takes: PID\nresourceType: Patient\nid: identity(PID-3[1].1)\n"
MESSAGE = "message: ADT\nevents: {A01: patient-admitted-1}\nresources:\n  patient: Patient(PID)\n"
PACK = 'pack: mine\nversion: "1"\nlanguage: 1\nformat: hl7v2\n'


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("segments/PID/Patient", PATIENT + "deceased[x]: PID-29\n_birthDate:\n  extension:time:\n    url: PID-7\n"),
        ("segments/PID/Patient", PATIENT + "name:\n  - family: PID-5[1].1\n    given:\n      - PID-5[1].2\n"),
        ("segments/PID/Patient", PATIENT + 'gender:\n  switch: PID-8\n  M: "male"\n  else: "unknown"\n'),
        ("messages/ADT", MESSAGE),
        ("messages/ADT", MESSAGE.replace("}", ", A02: none, else: {cases: {a: {else: true, type: a-b-1}}}}")),
        ("changes", "segments/PID/Patient:\n  - remove: contact\n  - replace: name\n    with: PID-5\n"),
        ("pack", PACK),
    ],
)
def test_what_is_right_passes(file: str, text: str) -> None:
    assert judged(file, text) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("segments/PID/Patient", PATIENT + "birthdate: PID-7\n"),
        ("segments/PID/Patient", PATIENT + "_birthdate:\n  id: x\n"),
        ("segments/PID/Patient", PATIENT + "deceased: PID-7\n"),
        ("segments/PID/Patient", PATIENT + "gender:\n  iff: present(PID-8)\n  then: PID-8\n"),
        ("segments/PID/Patient", PATIENT + 'gender:\n  switch: PID-8\n  M: "male"\n'),
        ("segments/PID/Patient", PATIENT + "name:\n  - familly: PID-5[1].1\n"),
        ("segments/PID/Patient", PATIENT + "name:\n  each: PID-5\n  cases:\n    a: {else: true, familly: .1}\n"),
        ("segments/PID/Patient", PATIENT + "gender: [PID-8]\n"),
        ("segments/PID/Patient", PATIENT + "gender:nhs: PID-8\n"),
        ("segments/PID/Patient", PATIENT.replace("takes", "take")),
        ("datatypes/PL/Location", "takes: PL\nchain: {bed: PL.3}\neach:\n  resourceType: Location\n  nam: here\n"),
        ("datatypes/CX/NhsNumber", "takes: CX\nvaleu: CX.1\n"),
        ("messages/ADT", MESSAGE.replace("events", "event-types")),
        ("messages/ADT", MESSAGE.replace("patient-admitted-1", "PatientAdmitted")),
        ("messages/ADT", MESSAGE.replace("}", ", else: {cases: {a: {else: true, typ: a-b-1}}}}")),
        ("messages/ADT", MESSAGE.replace("patient-admitted-1", "{cases: {a: {else: true, type: a-b-1}}}")),
        ("messages/ADT", MESSAGE.replace("Patient(PID)", "{template: Patient(PID), actve: true}")),
        ("messages/booking", "message: booking\npass: entries\nevent: a-b-1\nresources:\n  Apointment: {status: x}\n"),
        ("changes", "segments/PID/Patient:\n  - delete: contact\n"),
        ("changes", "segments/PID/Patient:\n  - replace: contact\n"),
        ("changes", "segments/PID/Patient:\n  - add: name\n    with:\n      familly: PID-5[1].1\n"),
        ("pack", PACK + "extend: hl7v2 1.x\n"),
        ("pack", PACK.replace("hl7v2", "hl7")),
    ],
)
def test_a_planted_mistake_is_flagged(file: str, text: str) -> None:
    assert judged(file, text)


def test_an_element_says_what_it_is_for_and_which_codes_it_takes() -> None:
    elements = every()["Patient"]["else"]["properties"]
    assert elements["birthDate"]["description"] == "The date of birth for the individual"
    assert elements["gender"]["anyOf"][0] == {"enum": ["male", "female", "other", "unknown"]}
    assert elements["deceased[x]"]["description"].endswith("(boolean or dateTime)")


def test_every_key_of_the_grammar_is_in_the_schemas() -> None:
    assert set(every()["message"]["properties"]) == KEYS


def test_they_refer_to_nothing_outside_and_are_plain_json() -> None:
    text = json.dumps(every())
    names = set(REFERENCE.findall(text))
    assert text.count('"$ref"') == len(REFERENCE.findall(text))
    assert names <= set(every())
    assert len(names) > 100
