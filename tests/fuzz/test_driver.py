"""`python -m tests.fuzz` itself: what is planted is found, told and kept, and what holds is not complained of."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.fuzz.__main__ import main
from tests.fuzz.run import fault_in
from tests.servers import UnstartableError


@pytest.fixture
def fuzz(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the driver; gives its exit code and what it printed as JSON, by target."""
    if importlib.util.find_spec("atheris") is None:
        missing(UnstartableError("atheris is not installed: it has wheels for Linux on x86-64 only"))

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main([*arguments, "--corpus", str(tmp_path / "corpus"), "--found", str(tmp_path / "found"), "--json"])
        return code, {each["target"]: each for each in json.loads(capsys.readouterr().out)}

    return run


def test_a_planted_crash_and_a_planted_delay_are_found_and_their_inputs_kept(fuzz: Any) -> None:
    code, outcomes = fuzz("planted-crash", "planted-delay", "--seconds", "240")

    assert code == 1
    for name, fault in (("planted-crash", "ValueError"), ("planted-delay", "TooSlow")):
        (file,) = outcomes[name]["kept"]
        assert outcomes[name]["fault"].startswith(fault)
        assert Path(file).read_bytes()[:3] == b"Qz#"
        assert outcomes[name]["edges"] > 3


def test_a_planted_leak_is_found(fuzz: Any) -> None:
    code, outcomes = fuzz("planted-leak", "--seconds", "6")

    assert code == 1
    (said,) = outcomes["planted-leak"]["found"]
    assert said.startswith("memory grew by ")


def test_a_target_that_keeps_its_promise_is_run_and_not_complained_of(fuzz: Any) -> None:
    code, outcomes = fuzz("csv", "--executions", "2000", "--seconds", "120")

    assert code == 0
    assert outcomes["csv"]["executions"] == 2000
    assert outcomes["csv"]["found"] == []
    assert 0 < outcomes["csv"]["slowest_seconds"] < 1


def test_an_unknown_target_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["hl7v3"])

    assert ended.value.code == 2
    assert "hl7v3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (
            " === Uncaught Python exception: ===\nValueError: x\n==1== ERROR: libFuzzer: fuzz target exited",
            "ValueError: x",
        ),
        ("==1== ERROR: libFuzzer: timeout after 61 seconds\nSUMMARY: x", "timeout after 61 seconds"),
        ("Traceback\nImportError: y\n", "ImportError: y"),
        ("", "nothing was said"),
    ],
)
def test_the_fault_is_told_in_a_line(said: str, fault: str) -> None:
    assert fault_in(said) == fault
