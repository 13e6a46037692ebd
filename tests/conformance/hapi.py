"""The HAPI FHIR instance validator, run once for all bundles: Judge.java beside this file."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from tests.conformance.tools import Tools
from tests.conformance.verdicts import Verdict

NAME: Final = "hapi"
_HERE: Final = Path(__file__).parent
_SECONDS: Final = 900.0
# most of the time is start-up: the cheap compiler and collector are the fast ones
_OPTIONS: Final = ("-Xmx900m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, slots=True)
class Judgement:
    """`definitions`: how many resources the validator read; `applied`: the profiles among them that it asked for."""

    verdicts: tuple[Verdict, ...]
    judged: int
    definitions: int
    applied: tuple[str, ...]


def judge(tools: Tools, definitions: Sequence[Path], bundles: Iterable[tuple[str, dict[str, Any]]]) -> Judgement:
    """Judges (name, resource) against R4 and the profiles they claim, which are read from the `definitions` folders."""
    jobs = (orjson.dumps({"id": name, "resource": orjson.dumps(each).decode()}) for name, each in bundles)
    overrides = tools.libs.parent / "overrides"
    overrides.mkdir(exist_ok=True)
    # an empty one before the library's, which it parses anew for every resource: three times as fast, same verdicts
    (overrides / "oidregistry.csv").touch()
    command = [tools.java, *_OPTIONS, "-cp", f"{overrides}:{tools.libs}/*", str(_HERE / "Judge.java")]
    done = subprocess.run(
        [*command, *map(str, definitions)], input=b"\n".join(jobs), capture_output=True, timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the validator ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    first, *answers, last = map(orjson.loads, done.stdout.splitlines())
    verdicts = tuple(_verdict(answer["id"], said) for answer in answers for said in answer["verdicts"])
    return Judgement(verdicts, len(answers), first["definitions"], tuple(last["applied"]))


def _verdict(bundle: str, said: dict[str, Any]) -> Verdict:
    code, path, profile = (said[name] or "" for name in ("code", "path", "profile"))
    return Verdict(bundle, NAME, said["severity"], code, path, said["message"], profile)
