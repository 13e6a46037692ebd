"""The effective mapping as text: it says what runs, and of each line who says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.language import Locality, PackError
from mappings.language.build import documents
from mappings.language.nodes import plain, read_yaml
from mappings.language.problems import Problems
from mappings.language.provenance import Said, effective_parts
from mappings.language.stack import layers_of
from tests.mappings.language.folders import CODES_HEAD, HL7, write_pack

PATIENT = "segments/PID/Patient"
BASE = HL7 | {
    f"{PATIENT}.yaml": HL7[f"{PATIENT}.yaml"]
    + "gender: PID-8 | code(sex)\nmaritalStatus:\n  text: PID-23\nname: PID-5\n",
    "datatypes/XPN/HumanName.yaml": "takes: XPN\nfamily: XPN.1.1\n",
    "codes/sex.csv": f"# unknown: fixed unknown\n{CODES_HEAD}M,,,male,,t,yes\nF,,,female,,t,yes\n",
    "fields.csv": "segment,field,name,type,repeats\nZAB,1,Own,ST,no\nZAB,2,Other,ST,no\n",
}
OVERLAY = {
    "pack.yaml": 'overlay: mine 1.x\nplace: dorset\nversion: "2"\nlanguage: 1\n',
    "changes.yaml": (
        f"{PATIENT}:\n  - replace: maritalStatus.text\n    with: PID-8\n  - remove: name\n"
        '  - append: identifier\n    with:\n      system: "urn:example"\n      value: PID-4[1].1\n'
    ),
    "codes/sex.csv": f"{CODES_HEAD}M,,,other,,t,yes\n",
    "fields.csv": "segment,field,name,type,repeats\nZAB,1,Own,NM,no\n",
    "restriction.yaml": (
        'rules:\n  - name: confidential-diagnosis\n    scope: event\n    action: route\n    source: "decision"\n'
    ),
}


DORSET = Locality(("dorset",))


def parts(folder: Path, locality: Locality = DORSET) -> dict[str, list[Said]]:
    return effective_parts(layers_of("mine", [folder], Problems(), locality))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pack(tmp_path, BASE)
    write_pack(tmp_path, OVERLAY, "dorset-overlay")
    return tmp_path


def test_each_line_of_a_template_tells_its_layer_and_where(folder: Path) -> None:
    below, over = "mine 1.0.0", "dorset 2"
    assert [(line.text, line.layer, line.line) for line in parts(folder)[PATIENT]] == [
        ("takes: PID", below, 1),
        ("resourceType: Patient", below, 2),
        ("id: identity(PID-3[1].1)", below, 3),
        ("identifier:", below, 5),
        ("  - value: PID-3[1].1", below, 5),
        ('  - system: "urn:example"', over, 7),
        ("    value: PID-4[1].1", over, 8),
        ("gender: PID-8 | code(sex)", below, 6),
        ("maritalStatus:", below, 8),
        ("  text: PID-8", over, 3),
        ("# name is removed", over, 4),
    ]
    assert parts(folder)[PATIENT][5].file == "dorset-overlay/changes.yaml"


def test_rows_and_rules_tell_theirs(folder: Path) -> None:
    found = parts(folder)
    assert [(line.text, line.layer) for line in found["codes/sex"]] == [
        ("# unknown: fixed unknown", "mine 1.0.0"),
        ("M,,,other,,t,yes", "dorset 2"),
        ("F,,,female,,t,yes", "mine 1.0.0"),
    ]
    assert [(line.text, line.layer) for line in found["fields"]] == [
        ("ZAB,1,Own,NM,no", "dorset 2"),
        ("ZAB,2,Other,ST,no", "mine 1.0.0"),
    ]
    rule = [
        line.layer for line in found["restriction"] if line.text in ("- name: confidential-diagnosis", "  scope: event")
    ]
    assert rule[0] == "dorset 2"
    assert {line.layer for line in found["restriction"]} == {"national", "dorset 2"}


def test_elsewhere_the_overlay_says_nothing(folder: Path) -> None:
    assert {line.layer for lines in parts(folder, Locality()).values() for line in lines} == {"mine 1.0.0", "national"}


def test_layers_that_do_not_fit_are_a_mistake(folder: Path) -> None:
    changes = folder / "dorset-overlay" / "changes.yaml"
    changes.write_text(changes.read_text().replace("remove: name", "remove: names"))
    with pytest.raises(PackError, match=r"dorset-overlay/changes\.yaml:4:13"):
        parts(folder)


@pytest.mark.parametrize("pack", ["hl7v2", "hl7v2-itk", "bars", "mhsds", "cld"])
def test_what_is_shown_reads_as_the_document_that_is_compiled(pack: str) -> None:
    """Expressions in canonical spacing, and nothing else is another."""
    layers = layers_of(pack, [], Problems())
    shown = effective_parts(layers)
    for name, document in documents(layers, Problems()).items():
        text = "\n".join(line.text for line in shown[name])
        problems = Problems()
        again = read_yaml(text, name, problems)
        assert not problems.found, text
        assert _squeezed(plain(again)) == _squeezed(plain(document)), name


def _squeezed(said: object) -> object:
    match said:
        case (str(text), False):
            return "".join(text.split())
        case dict():
            return {"".join(str(key).split()): _squeezed(value) for key, value in said.items()}
        case list():
            return [_squeezed(item) for item in said]
        case _:
            return said
