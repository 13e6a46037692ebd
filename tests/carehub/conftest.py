"""The command line as a user meets it: an environment of its own, a folder of its own, exit codes and output."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from carehub.main import app
from carehub.settings import variables
from tests.packs import COMPILED


@dataclass
class Cli:
    """Runs commands in this process. `run` fails the test when the exit code is another one than expected."""

    folder: Path

    def run(self, *arguments: str, code: int = 0, **options: Any) -> str:
        """Standard output."""
        return self.both(*arguments, code=code, **options)[0]

    def both(self, *arguments: str, code: int = 0, **options: Any) -> tuple[str, str]:
        """Standard output and standard error."""
        result = CliRunner().invoke(app, list(arguments), **options)
        assert result.exit_code == code, f"exit {result.exit_code}: {result.stdout}{result.stderr}{result.exception!r}"
        return result.stdout, result.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """On SQLite in a new folder, nothing migrated yet."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CAREHUB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CAREHUB_COMPILED_PACKS", str(COMPILED))
    return Cli(tmp_path / "data")


@pytest.fixture
def hub(cli: Cli) -> Cli:
    """The same with a migrated hub."""
    cli.run("migrate")
    return cli
