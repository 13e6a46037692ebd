"""StructureDefinitions of extensions that came after R4, made from the rows of extensions.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import orjson
import yaml

_TABLE: Final = Path(__file__).parent / "extensions.yaml"


def write_definitions(folder: Path) -> Path:
    """Writes one file for each row into the folder, made anew, and gives it back."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for row in yaml.safe_load(_TABLE.read_text(encoding="utf-8")):
        (folder / f"{row['url'].rpartition('/')[2]}.json").write_bytes(orjson.dumps(_definition(row)))
    return folder


def _definition(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "StructureDefinition",
        "url": row["url"],
        "name": row["url"].rpartition("/")[2].replace("-", "_").replace(".", "_"),
        "status": "active",
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": row["context"]}],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {"element": [{"id": "Extension", "path": "Extension"}, *_elements(row)]},
    }


def _elements(row: dict[str, Any]) -> list[dict[str, Any]]:
    if "value" in row:
        return [_nothing("Extension", "extension"), _url("Extension", row["url"]), _value("Extension", row["value"])]
    parts = [each for name, kind in row["parts"].items() for each in _part(name, kind)]
    return [*parts, _url("Extension", row["url"]), _nothing("Extension", "value[x]")]


def _part(name: str, kind: str) -> list[dict[str, Any]]:
    whole = f"Extension.extension:{name}"
    part = {"id": whole, "path": "Extension.extension", "sliceName": name, "min": 0, "max": "1"}
    return [part, _nothing(whole, "extension"), _url(whole, name), _value(whole, kind)]


def _element(owner: str, name: str, **rules: Any) -> dict[str, Any]:
    path = "Extension.extension" if ":" in owner else "Extension"
    return {"id": f"{owner}.{name}", "path": f"{path}.{name}", **rules}


def _nothing(owner: str, name: str) -> dict[str, Any]:
    return _element(owner, name, max="0")


def _url(owner: str, url: str) -> dict[str, Any]:
    return _element(owner, "url", fixedUri=url)


def _value(owner: str, kind: str) -> dict[str, Any]:
    return _element(owner, "value[x]", min=1, type=[{"code": kind}])
