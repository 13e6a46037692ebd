"""Derives `r4b.json` from the metadata of fhir.resources: `python -m mappings.language.fhir.derive`.

The derived file is kept, because importing all R4B modules takes seconds; a test holds that the two agree.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mappings.language.fhir.bindings import COMPLETED

_NAMES: Final = {
    "Boolean": "boolean",
    "String": "string",
    "Code": "code",
    "Uri": "uri",
    "Url": "url",
    "Canonical": "canonical",
    "Id": "id",
    "Oid": "oid",
    "UuidVersion": "uuid",
    "Markdown": "markdown",
    "Date": "date",
    "DateTime": "dateTime",
    "Instant": "instant",
    "Time": "time",
    "Integer": "integer",
    "PositiveInt": "positiveInt",
    "UnsignedInt": "unsignedInt",
    "Decimal": "decimal",
    "Base64Binary": "base64Binary",
    "Xhtml": "xhtml",
}


def derive() -> dict[str, Any]:
    """Type name → its elements, as plain data: `{name: [type, many, required, codes, choice, targets]}`."""
    return {name: _elements(name, model) for name, model in sorted(_models())}


def titles() -> dict[str, dict[str, str]]:
    """Type name → its elements → what each is for, in the words of FHIR. Takes seconds."""
    return {name: {info.alias: info.title or "" for info in model.model_fields.values()} for name, model in _models()}


def _models() -> Iterator[tuple[str, Any]]:
    from fhir.resources import R4B
    from fhir_core.fhirabstractmodel import FHIRAbstractModel

    for module_info in pkgutil.iter_modules(R4B.__path__):
        if module_info.name == "tests":
            continue
        module = importlib.import_module(f"{R4B.__name__}.{module_info.name}")
        for name, model in vars(module).items():
            if not (inspect.isclass(model) and issubclass(model, FHIRAbstractModel)):
                continue
            if model.__module__ == module.__name__ and not name.startswith("FHIR"):
                yield name, model


def _elements(name: str, model: Any) -> dict[str, list[Any]]:
    elements: dict[str, list[Any]] = {}
    for field_name, info in model.model_fields.items():
        if field_name in ("fhir_comments", "resource_type") or info.alias.startswith("_"):
            continue
        extra = info.json_schema_extra or {}
        shown = str(info.annotation)
        many = "List[" in shown
        codes = extra.get("enum_values")
        if codes and "+" in codes:
            codes = COMPLETED[f"{name}.{info.alias}"]
        fhir_type = _type_of(shown)
        elements[info.alias] = [
            fhir_type,
            int(many),
            int(bool(extra.get("element_required")) or info.is_required() or bool(extra.get("one_of_many_required"))),
            codes if fhir_type == "code" else None,
            extra.get("one_of_many"),
            extra.get("enum_reference_types"),
        ]
    return elements


def _type_of(shown: str) -> str:
    complex_type = re.search(r"abc\.(\w+)Type\b", shown)
    if complex_type:
        return complex_type[1]
    if "bool" in shown:
        return "boolean"
    if "EncodedBytes" in shown:
        return "base64Binary"
    found = re.findall(r"\b(" + "|".join(_NAMES) + r")\b", shown)
    if not found:
        raise ValueError(f"unknown kind of element: {shown}")
    return _NAMES[found[-1]]


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(body)}" for name, body in derive().items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (Path(__file__).parent / "r4b.json").write_text(text, encoding="utf-8")
