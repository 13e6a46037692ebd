"""What a log line may never say, also when it cannot be written."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest
import structlog

from carehub.logs import set_up_logs
from carehub.settings import Settings


class Unwritable(io.StringIO):
    """Standard error of a process whose log collector has gone."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def fails_and_tells() -> None:
    try:
        int("SMITH^ANN")
    except ValueError:
        structlog.get_logger("gateway.intake").error("stage-failed", stage="map", name="SMITH^ANN")


def test_a_line_that_cannot_be_written_shows_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = sys.stderr
    monkeypatch.setattr(sys, "stderr", Unwritable())
    set_up_logs(Settings(data=tmp_path), "gateway")
    monkeypatch.setattr(sys, "stderr", told)
    fails_and_tells()
    said = capsys.readouterr().err
    assert "SMITH" not in said
    assert "gateway.intake" in said
    assert "was lost" in said


def test_a_line_goes_on_one_line_of_json_with_its_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(Settings(data=tmp_path, log_format="json"), "relay")
    logging.getLogger("some.library").warning("told %s", "once")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert '"process": "relay"' in said
