"""The kept FHIR model is what fhir.resources says, and the language's words are free in it."""

from __future__ import annotations

from pathlib import Path

import orjson

from mappings.language.compile.objects import DIRECTIVES
from mappings.language.fhir import model
from mappings.language.fhir.derive import derive


def test_the_kept_model_is_the_derived_one() -> None:
    kept = orjson.loads((Path(model.__file__).parent / "r4b.json").read_bytes())

    assert kept == orjson.loads(orjson.dumps(derive()))


def test_only_definitions_of_fhir_itself_have_elements_named_like_directives() -> None:
    taken = {
        f"{kind}.{name}"
        for kind in model.type_names()
        for name in (model.type_model(kind) or model.TypeModel("", {}, {})).elements
        if name in DIRECTIVES
    }

    assert {name.partition(".")[0] for name in taken} <= {"SearchParameter", "ImplementationGuideDefinition"}
