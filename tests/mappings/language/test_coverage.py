"""A guide's row counts only where a sample shows its source's value at its target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson
import pytest

from contract.errors import Misconfigured
from mappings.language.coverage.declared import declared
from mappings.language.coverage.exclusions import NAME
from mappings.language.coverage.guide import read_guide
from mappings.language.coverage.report import NO_ELEMENT, NOT_EXERCISED, NOT_THERE, GuideScore, score
from tests.corpus import CORPUS
from tests.mappings.language.guides import PACK, Line, write_followed, write_guide

GUIDE: Final = CORPUS / "v2_to_fhir_ig"
MESSAGE: Final = "samples/one/message.hl7"
HEAD: Final = "row,reason,instead\n"
GENDER: Final = ("PID-8", "gender")


def scored(
    folder: Path, *lines: Line, files: Mapping[str, str] | None = None, more: Mapping[str, list[Line]] | None = None
) -> GuideScore:
    """The small pack against a guide whose table PID[Patient] has these lines."""
    search = [write_followed(folder / "packs", files)]
    return score(["mine"], write_guide(folder / "guide", {"PID[Patient]": lines, **(more or {})}), search)


def why(found: GuideScore) -> dict[str, str]:
    """What is said of each uncovered row, by its source and target."""
    return {note.row.partition(" ")[2]: note.note for note in found.missing}


def test_a_value_at_its_target_is_covered_be_it_a_text_a_code_or_part_of_a_composite(tmp_path: Path) -> None:
    found = scored(tmp_path, ("PID-3", "identifier[2]"), ("PID-5", "name[1]"), GENDER)
    assert (found.covered, found.counted, found.percent) == (3, 3, 100.0)


def test_a_row_without_an_attribute_is_none(tmp_path: Path) -> None:
    assert scored(tmp_path, GENDER, ("PID-9", "")).counted == 1


def test_what_no_sample_has_is_not_covered(tmp_path: Path) -> None:
    assert why(scored(tmp_path, ("PID-7", "birthDate"))) == {"PID-7 birthDate": NOT_EXERCISED}


def test_a_target_filled_from_another_source_is_not_covered_even_with_the_same_text(tmp_path: Path) -> None:
    message = PACK[MESSAGE].replace("|||M^M", "||M|M^M")
    lines = [("PID-16", "maritalStatus"), ("PID-17", "maritalStatus.text")]
    found = scored(tmp_path, *lines, files={MESSAGE: message})
    assert why(found) == {"PID-16 maritalStatus": NOT_THERE}


def test_a_component_in_anothers_place_is_not_covered_even_with_the_same_text(tmp_path: Path) -> None:
    names: list[Line] = [
        ("XPN.1", "[1].family"), ("XPN.2", "[1].given[1]"), ("XPN.4", "[1].suffix[1]"), ("XPN.5", "[1].prefix"),
    ]  # fmt: skip
    message = PACK[MESSAGE].replace("^^^DR|", "^^DR^DR|")
    lines = [("PID-5", "name", "", "XPN[HumanName]")]
    found = scored(tmp_path, *lines, files={MESSAGE: message}, more={"XPN[HumanName]": names})
    assert why(found) == {"XPN.4 [1].suffix[1]": NOT_THERE, "XPN.5 [1].prefix": NOT_THERE}


def test_a_data_types_table_counts_where_a_row_in_question_names_it(tmp_path: Path) -> None:
    names: list[Line] = [("XPN.1", "[1].family")]
    found = scored(tmp_path, ("PID-3", "identifier"), ("PID-5", "name"), more={"XPN[HumanName]": names})
    assert found.unused == (("XPN[HumanName]", 1),)
    assert found.counted == 2


def test_a_data_types_table_counts_by_the_fields_that_the_guide_uses_it_for(tmp_path: Path) -> None:
    lines = [("PID-3", "identifier", "", "CX[Identifier]"), ("PID-4", "maritalStatus.text", "", "CX[string]")]
    more: dict[str, list[Line]] = {"CX[Identifier]": [("CX.1", "value")], "CX[string]": [("CX.1", "$value")]}
    found = scored(tmp_path, *lines, more=more)
    assert why(found) == {"PID-4 maritalStatus.text": NOT_EXERCISED, "CX.1 $value": NOT_EXERCISED}


def test_a_data_types_table_counts_only_where_the_field_that_uses_it_belongs(tmp_path: Path) -> None:
    lines = [("PID-5", "maritalStatus.text", "", "XPN[string]")]
    found = scored(tmp_path, *lines, more={"XPN[string]": [("XPN.1", "$value")]})
    assert why(found)["XPN.1 $value"] == NOT_THERE


def test_what_a_template_chose_among_several_values_is_found(tmp_path: Path) -> None:
    files = {
        MESSAGE: PACK[MESSAGE].replace("^Ann^", "^F^"),
        "segments/PID/Patient.yaml": PACK["segments/PID/Patient.yaml"].replace("PID-17.2 ", "Short(PID-5[1])"),
        "datatypes/XPN/Short.yaml": (
            "takes: XPN\ncases:\n  second:\n    if: present(XPN.2)\n    then: XPN.2 | code(sex)\n"
            "  first:\n    else: true\n    then: XPN.1\n"
        ),
    }
    lines = [("PID-5", "maritalStatus.text", "", "XPN[string]")]
    more: dict[str, list[Line]] = {"XPN[string]": [("XPN.2", "$value"), ("XPN.1", "$value")]}
    assert why(scored(tmp_path, *lines, files=files, more=more)) == {"XPN.1 $value": NOT_THERE}


def test_tables_of_segments_that_no_message_file_uses_are_named_and_not_counted(tmp_path: Path) -> None:
    found = scored(tmp_path, GENDER, more={"RXA[Immunization]": [("RXA-5", "vaccineCode")]})
    assert (found.counted, found.unused) == (1, (("RXA[Immunization]", 1),))


def test_each_condition_makes_a_row_of_its_own(tmp_path: Path) -> None:
    found = scored(tmp_path, (*GENDER, 'IF PID-8 EQUALS "F"'), (*GENDER, 'IF PID-8 EQUALS "M"'))
    assert found.covered == 1
    assert why(found) == {"PID-8 gender #2": NOT_EXERCISED}


def test_what_the_guide_assigns_stands_in_the_item_of_the_source(tmp_path: Path) -> None:
    lines = [("PID-13", "telecom[1].use", "", "", '"home"'), ("PID-14", "telecom[2].use", "", "", '"home"')]
    assert why(scored(tmp_path, *lines)) == {"PID-14 telecom[2].use": NOT_THERE}


def test_what_the_guide_assigns_counts_only_with_its_source(tmp_path: Path) -> None:
    lines = [("PID-15", "telecom[1].use", "", "", '"home"')]
    assert why(scored(tmp_path, *lines)) == {"PID-15 telecom[1].use": NOT_EXERCISED}


def test_an_extension_is_the_one_that_the_guide_names(tmp_path: Path) -> None:
    lines = [
        ("PID-17", "extension[1].url", "", "", '"urn:religion"'), ("PID-17", "extension[1].valueString"),
        ("PID-17", "extension[2].url", "", "", '"urn:faith"'), ("PID-17", "extension[2].valueString"),
    ]  # fmt: skip
    found = scored(tmp_path, *lines)
    assert why(found) == {"PID-17 extension[2].url": NOT_THERE, "PID-17 extension[2].valueString": NOT_THERE}


def test_a_table_leads_from_a_data_type_into_the_resource_it_refers_to(tmp_path: Path) -> None:
    files = {
        "datatypes/CX/Identifier.yaml": "takes: CX\nvalue: CX.1\nassigner: Authority(CX.4)\n",
        "datatypes/HD/Authority.yaml": "takes: HD\nresourceType: Organization\nid: identity(HD.1)\nname: HD.1\n",
        MESSAGE: PACK[MESSAGE].replace("|P1|", "|P1^^^PAS|"),
    }
    lines = [("PID-3", "identifier", "", "CX[Identifier]")]
    more: dict[str, list[Line]] = {
        "CX[Identifier]": [("CX.4", "assigner(Organization.name)"), ("CX.4", "assigner(Organization.alias)")]
    }
    assert why(scored(tmp_path, *lines, files=files, more=more)) == {"CX.4 assigner(Organization.alias)": NOT_THERE}


def test_what_the_guide_assigns_for_a_whole_segment_may_stand_in_any_item(tmp_path: Path) -> None:
    patient = f'{PACK["segments/PID/Patient.yaml"]}photo:\n  - always: true\n    title: "none"\n'
    lines = [
        ("", "photo.title", "", "", '"none"'), ("", "photo.title", "", "", '"one"'),
        ("PID-5", "photo.title", "", "", '"none"'),
    ]  # fmt: skip
    found = scored(tmp_path, *lines, files={"segments/PID/Patient.yaml": patient})
    assert why(found) == {"PID photo.title #2": NOT_THERE, "PID-5 photo.title": NOT_THERE}


def test_what_the_guide_assigns_stands_in_the_object_that_a_code_list_makes(tmp_path: Path) -> None:
    files = {
        "segments/PID/Patient.yaml": PACK["segments/PID/Patient.yaml"].replace(
            "maritalStatus:\n  text: PID-17.2  ", "maritalStatus: PID-16[1] | code(sex)  "
        ),
        MESSAGE: PACK[MESSAGE].replace("|||M^M", "||F|M^M"),
    }
    lines = [("PID-16", "maritalStatus", "", "CWE[CodeableConcept]")]
    systems: list[Line] = [
        ("CWE.1", "coding.system", "", "", '"http://hl7.org/fhir/administrative-gender"'),
        ("CWE.1", "coding.system", "", "", '"urn:other"'),
    ]
    found = scored(tmp_path, *lines, files=files, more={"CWE[CodeableConcept]": systems})
    assert why(found) == {"CWE.1 coding.system #2": NOT_THERE}


def test_a_value_within_the_target_counts_where_all_of_it_was_made_at_once(tmp_path: Path) -> None:
    files = {
        "segments/PID/Patient.yaml": PACK["segments/PID/Patient.yaml"].replace(
            "maritalStatus:\n  text: PID-17.2  ", "maritalStatus: PID-16[1] | code(class)  "
        ),
        MESSAGE: PACK[MESSAGE].replace("|||M^M", "||Z|M^M"),
    }
    assert scored(tmp_path, ("PID-16", "maritalStatus.coding"), files=files).covered == 1


def test_a_simple_type_is_its_own_first_part(tmp_path: Path) -> None:
    files = {
        "segments/PID/Patient.yaml": PACK["segments/PID/Patient.yaml"].replace("PID-8 |", "PID-24 |"),
        MESSAGE: PACK[MESSAGE].replace("|||M^M", "|||M^M|||||||F"),
    }
    lines = [("PID-24", "gender", "", "ID[code]")]
    assert scored(tmp_path, *lines, files=files, more={"ID[code]": [("ID.1", "$value")]}).covered == 2


def test_a_date_is_found_by_its_older_types_table_too(tmp_path: Path) -> None:
    message = PACK[MESSAGE].replace("^^^DR|||F", "^^^DR||19600203|F")
    lines = [("PID-7", "birthDate", "", "TS[date]")]
    assert scored(tmp_path, *lines, files={MESSAGE: message}, more={"TS[date]": [("TS.1", "$value")]}).covered == 2


def test_a_table_without_the_name_of_its_first_columns_is_read_by_their_place(tmp_path: Path) -> None:
    guide = write_guide(tmp_path / "guide", {"PID[Patient]": [GENDER]})
    (file,) = guide.glob("segments/*.csv")
    file.write_text(file.read_text(encoding="utf-8").replace("Sort Order,Identifier,Name", ",,"), encoding="utf-8")
    search = [write_followed(tmp_path / "packs")]
    assert [row.source.parts for row in read_guide(guide, {}).rows()] == [(8,)]
    assert score(["mine"], guide, search).covered == 1


def test_a_reference_leads_to_the_resource_that_has_the_value(tmp_path: Path) -> None:
    visit: list[Line] = [
        ("PV1-7", "participant[1].individual(Practitioner)"),
        ("PV1-7", "participant[1].individual(Practitioner.name)"),
        ("PV1-7", "participant[1].individual(Practitioner.address)"),
        ("PV1-7", "participant[1].individual(RelatedPerson)"),
        ("PV1-7", "subject(Patient.name)"),
        ("PV1-7", "serviceProvider(Practitioner.name)"),
    ]
    found = scored(tmp_path, GENDER, more={"PV1[Encounter]": visit})
    assert why(found) == {
        "PV1-7 participant[1].individual(Practitioner.address)": NOT_THERE,
        "PV1-7 participant[1].individual(RelatedPerson)": NOT_THERE,
        "PV1-7 subject(Patient.name)": NOT_THERE,
        "PV1-7 serviceProvider(Practitioner.name)": NOT_THERE,
    }


def test_what_is_dropped_on_the_way_proves_nothing(tmp_path: Path) -> None:
    visit: list[Line] = [("PV1-8", "participant[2].individual(Practitioner.name)")]
    found = scored(tmp_path, GENDER, more={"PV1[Encounter]": visit})
    assert list(why(found).values()) == [NOT_THERE], "the doctor has no identifier, so no Practitioner is made"


def test_a_code_list_makes_the_code_and_not_the_display_of_the_source(tmp_path: Path) -> None:
    visit: list[Line] = [("PV1-2", "class", "", "CWE[Coding]"), ("PV1-2", "class.code"), ("PV1-2", "class.display")]
    coding: list[Line] = [("CWE.1", "code"), ("CWE.2", "display")]
    message = PACK[MESSAGE].replace("PV1||I|", "PV1||I^Stays here|")
    found = scored(tmp_path, GENDER, files={MESSAGE: message}, more={"PV1[Encounter]": visit, "CWE[Coding]": coding})
    assert why(found) == {"PV1-2 class.display": NOT_THERE, "CWE.2 display": NOT_THERE}


def test_a_sample_that_gives_something_else_than_its_golden_proves_nothing(tmp_path: Path) -> None:
    packs = write_followed(tmp_path / "packs")
    golden = packs / "mine/samples/one/expected.json"
    found = orjson.loads(golden.read_bytes())
    found["events"][0]["bundle"]["entry"][1]["resource"]["gender"] = "male"
    golden.write_bytes(orjson.dumps(found))
    result = score(["mine"], write_guide(tmp_path / "guide", {"PID[Patient]": [GENDER]}), [packs])
    assert (result.covered, result.failing) == (0, ("mine/one",))


def test_a_row_is_left_out_with_its_reason_or_put_right(tmp_path: Path) -> None:
    lines = [GENDER, ("PID-7", "birthDate"), ("PID-5", "naem"), ("PID-35", "animal.species")]
    wrong = scored(tmp_path / "wrong", *lines)
    assert why(wrong)["PID-5 naem"] == NO_ELEMENT
    excluded = (
        f"{HEAD}PID[Patient] PID-7 *,not sent,\nPID[Patient] PID-5 naem,misspelt,name\n"
        "PID[Patient] PID-35 animal.species,animals,\n"
    )
    found = scored(tmp_path / "right", *lines, files={NAME: excluded})
    assert (found.covered, found.counted, found.mistakes) == (2, 2, ())
    assert [note.note for note in found.left_out] == ["not sent", "animals"]


def test_what_the_guide_assigns_is_put_right_too(tmp_path: Path) -> None:
    line = ("PID-13", "telecom[1].use", "", "", '"hoem"')
    excluded = f'{HEAD}PID[Patient] PID-13 telecom[1].use,misspelt,"= ""home"""\n'
    assert scored(tmp_path / "wrong", line).covered == 0
    assert scored(tmp_path / "right", line, files={NAME: excluded}).covered == 1


def test_an_exclusion_of_nothing_or_of_a_covered_row_is_a_mistake(tmp_path: Path) -> None:
    excluded = f"{HEAD}PID[Patient] PID-8 *,not wanted,\nPID[Patient] PID-99 gender,not there,\n"
    found = scored(tmp_path, GENDER, files={NAME: excluded})
    assert len(found.mistakes) == 2
    assert "`PID[Patient] PID-8 gender` is left out, and a sample covers it" in found.mistakes[0]
    assert "no row of the guide is `PID[Patient] PID-99 gender`" in found.mistakes[1]


@pytest.mark.parametrize("text", ["row,reason\n", f"{HEAD}PID[Patient] PID-8 gender,,\n"])
def test_an_exclusion_needs_a_reason(tmp_path: Path, text: str) -> None:
    with pytest.raises(Misconfigured, match=NAME):
        scored(tmp_path, GENDER, files={NAME: text})


def test_a_folder_without_tables_is_no_guide(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no mapping tables"):
        score(["mine"], tmp_path, [write_followed(tmp_path / "packs")])


def test_what_a_pack_maps_is_told_without_a_guide(tmp_path: Path) -> None:
    message = PACK[MESSAGE].replace("||I|", "||Z|")
    found = declared("mine", [write_followed(tmp_path, {MESSAGE: message})])
    person = next(part for part in found.parts if part.name == "PID")
    assert person.mapped == ("PID-3", "PID-5", "PID-7", "PID-8", "PID-13", "PID-14", "PID-17")
    assert person.unused == ("PID-7",)
    assert "PID-9" in person.unmapped
    patient = next(each for each in found.resources if each.resource == "Patient")
    assert {"birthDate", "gender", "name"} <= set(patient.elements)
    assert "photo" not in patient.elements
    lists = {each.name: (each.rows, each.unverified, each.unknown, each.unmapped) for each in found.codes}
    assert lists == {"class": (1, 1, "keep", 1), "sex": (1, 0, "fixed unknown", 0)}


def test_what_only_a_condition_looks_at_is_not_mapped(tmp_path: Path) -> None:
    message = PACK["messages/ADT.yaml"].replace("if: present(PV1)", "if: present(PV1-44)")
    found = declared("mine", [write_followed(tmp_path, {"messages/ADT.yaml": message})])
    visit = next(part for part in found.parts if part.name == "PV1")
    assert visit.tested == ("PV1-44",)
    assert "PV1-44" not in (*visit.mapped, *visit.unmapped)


@pytest.mark.corpus
def test_hl7v2_covers_no_less_of_the_guide_than_before() -> None:
    if not GUIDE.is_dir():
        pytest.skip(f"no guide at {GUIDE}: set CAREHUB_CORPUS")
    found = score(["hl7v2"], GUIDE)
    assert not found.mistakes
    assert not found.failing
    assert found.percent >= 99.0
