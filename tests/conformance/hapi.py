"""The HAPI FHIR instance validator, run once for all bundles: Judge.java beside this file."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import Any, Final

import orjson

from tests.conformance.progress import Told
from tests.conformance.tools import HAPI, Tools
from tests.conformance.verdicts import Verdict

NAME: Final = "hapi"
_JUDGE: Final = Path(__file__).parent / "Judge.java"
_SECONDS: Final = 1800.0
# most of the time is start-up: the cheap compiler and collector are the fast ones
_OPTIONS: Final = ("-Xmx900m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, slots=True)
class Judgement:
    """`definitions`: how many resources the validator read; `applied`: the profiles among them that it asked for."""

    verdicts: tuple[Verdict, ...]
    judged: int
    definitions: int
    applied: tuple[str, ...]


def judge(
    tools: Tools, definitions: Sequence[Path], bundles: Iterable[tuple[str, dict[str, Any]]], told: Told
) -> Judgement:
    """Judges (name, resource) against R4 and the profiles they claim, which are read from the `definitions` folders.

    The answers are kept, and given again where all of what went in is the same.
    """
    jobs = [orjson.dumps({"id": name, "resource": orjson.dumps(each).decode()}) + b"\n" for name, each in bundles]
    kept, key = tools.libs.parent / "verdicts", _key(definitions, jobs)
    known = kept.read_bytes() if kept.is_file() else b""
    if not known.startswith(key):
        known = key + b"".join(_answers(tools, definitions, jobs, told))
        part = kept.with_name(f"verdicts.{os.getpid()}")
        part.write_bytes(known)
        part.rename(kept)
    _, first, *answers, last = map(orjson.loads, known.splitlines())
    verdicts = tuple(_verdict(answer["id"], said) for answer in answers for said in answer["verdicts"])
    return Judgement(verdicts, len(answers), first["definitions"], tuple(last["applied"]))


def _answers(tools: Tools, definitions: Sequence[Path], jobs: Sequence[bytes], told: Told) -> Iterator[bytes]:
    overrides = tools.libs.parent / "overrides"
    overrides.mkdir(exist_ok=True)
    # an empty one before the library's, which it parses anew for every resource: three times as fast, same verdicts
    (overrides / "oidregistry.csv").touch()
    command = [tools.java, *_OPTIONS, "-cp", f"{overrides}:{tools.libs}/*", str(_JUDGE), *map(str, definitions)]
    with TemporaryFile() as asked, TemporaryFile() as complained:
        asked.writelines(jobs)
        asked.seek(0)
        with subprocess.Popen(command, stdin=asked, stdout=subprocess.PIPE, stderr=complained) as process:
            overdue = Timer(_SECONDS, process.kill)
            overdue.start()
            for number, answer in enumerate(process.stdout or ()):
                told("HAPI judges", number, len(jobs))
                yield answer
            overdue.cancel()
        if process.returncode != 0:
            complained.seek(0)
            raise RuntimeError(f"the validator ended with {process.returncode}: {complained.read().decode()[-2000:]}")


def _key(definitions: Sequence[Path], jobs: Sequence[bytes]) -> bytes:
    """What the validator's answers hang on, as a line of JSON."""
    read = hashlib.sha256(_JUDGE.read_bytes() + HAPI.pom.encode())
    for file in sorted(file for folder in definitions for file in folder.rglob("*") if file.is_file()):
        read.update(file.read_bytes())
    for job in jobs:
        read.update(job)
    return b'"%s"\n' % read.hexdigest().encode()


def _verdict(bundle: str, said: dict[str, Any]) -> Verdict:
    code, path, profile = (said[name] or "" for name in ("code", "path", "profile"))
    return Verdict(bundle, NAME, said["severity"], code, path, said["message"], profile)
