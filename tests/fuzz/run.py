"""Runs a target's worker, and reads from what it leaves how it went."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOST_GROWN_MIB: Final = 64.0
"""How much a process may grow after it has become warm. The fuzzer keeps inputs, for which there is room here."""
START_SECONDS: Final = 300.0
_COVERAGE: Final = re.compile(r"\bcov: (\d+)")
_EXECUTED: Final = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)
_FAULT: Final = re.compile(r"(?:^ === Uncaught Python exception: ===\n|ERROR: libFuzzer: )(.*)$", re.MULTILINE)
_NONE: Final = dict.fromkeys(("executions", "seconds", "slowest_seconds", "slowest_size", "warm_mib", "last_mib"), 0)


@dataclass(frozen=True, slots=True)
class Task:
    """`corpus` is kept from run to run; inputs that break the promise go into `found`."""

    target: str
    seconds: float
    executions: int
    seed: int
    corpus: Path
    found: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """`edges` are the branches that atheris has counted, those of earlier runs' inputs included. `kept` are the files
    of inputs that broke the promise, `fault` is the type of the exception or what libFuzzer says."""

    target: str
    executions: int
    seconds: float
    edges: int
    slowest_seconds: float
    slowest_size: int
    warm_mib: float
    last_mib: float
    kept: tuple[str, ...] = ()
    fault: str = ""

    @property
    def per_second(self) -> float:
        return self.executions / self.seconds if self.seconds else 0.0

    @property
    def grown_mib(self) -> float:
        return self.last_mib - self.warm_mib

    @property
    def found(self) -> tuple[str, ...]:
        """What is wrong, a sentence each."""
        grown = (f"memory grew by {self.grown_mib:.0f} MiB",) if self.grown_mib > MOST_GROWN_MIB else ()
        broken = tuple(f"{self.fault}: {file}" for file in self.kept)
        ended = (f"the fuzzer ended: {self.fault}",) if self.fault and not self.kept else ()
        return (*broken, *ended, *grown)


def run(task: Task) -> Outcome:
    """Runs the target in a process of its own, until time is over, it has run often enough, or something is found."""
    task.corpus.mkdir(parents=True, exist_ok=True)
    before = set(task.found.glob("*"))
    task.found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "tests.fuzz.worker", task.target]
        for name in ("seconds", "executions", "seed", "corpus", "found"):
            command += [f"--{name}", str(getattr(task, name))]
        code, said = _ended([*command, "--home", home], task.seconds + START_SECONDS)
        file = Path(home, "figures.json")
        figures = json.loads(file.read_text()) if file.exists() else {}
    kept = sorted(str(file) for file in set(task.found.glob("*")) - before)
    if not any(task.found.iterdir()):
        task.found.rmdir()
    coverage, executed = _COVERAGE.findall(said), _EXECUTED.search(said)
    if executed:
        figures["executions"] = int(executed[1])  # what was left in the file is some tenths of a second old
    return Outcome(
        target=task.target,
        edges=int(coverage[-1]) if coverage else 0,
        kept=tuple(kept),
        fault=fault_in(said) if code else "",
        **_NONE | figures,
    )


def _ended(command: list[str], seconds: float) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return 1, (late.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


def fault_in(said: str) -> str:
    """The exception's type and text, what libFuzzer says (a timeout), or the last thing that was said."""
    found = _FAULT.search(said)
    return found[1] if found else (said.strip().splitlines() or ["nothing was said"])[-1]
