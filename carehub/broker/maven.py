"""Jars that Maven fetches once, into a folder of ours, and not again while the pom stays the same."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.errors import Misconfigured

JAVA_VERSION: Final = 17
FETCH_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Jars:
    """A set of jars: what people call it, what Maven reads, a pattern of the main jar, and its weight."""

    name: str
    pom: str
    main: str
    megabytes: int

    def are_in(self, folder: Path) -> bool:
        """Whether the jars of exactly this pom lie in the folder's `libs`."""
        stamp = folder / "libs" / "VERSIONS"
        return stamp.is_file() and stamp.read_text() == self._stamp()

    def fetch(self, folder: Path, progress: Callable[[str], None]) -> Path:
        """The folder's `libs`, fetched now if they are not there yet; safe from several processes at once.

        `progress` gets a line before and after the fetch, none when there is nothing to do. Raises Misconfigured when
        Java or Maven are missing or Maven fails.
        """
        find_java(self.name)
        libs = folder / "libs"
        if self.are_in(folder):
            return libs
        maven = find_maven(self.name)
        with locked(folder):
            if not self.are_in(folder):
                progress(f"fetching {self.name} by Maven (about {self.megabytes} MB, once)")
                self._run(maven, folder, libs)
                progress(f"{self.name} is in {libs}")
        return libs

    def _run(self, maven: str, folder: Path, libs: Path) -> None:
        pom, part = folder / "pom.xml", folder / "libs.part"
        pom.write_text(self.pom)
        shutil.rmtree(part, ignore_errors=True)
        command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        command.append(f"-DoutputDirectory={part.resolve()}")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            text = f"Maven did not fetch {self.name} within {FETCH_SECONDS:.0f} s: is it online?"
            raise Misconfigured(text) from None
        if done.returncode != 0 or not any(part.glob(self.main)):
            last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-5:]
            raise Misconfigured(f"Maven could not fetch {self.name}: " + " / ".join(last))
        (part / "VERSIONS").write_text(self._stamp())
        shutil.rmtree(libs, ignore_errors=True)
        part.rename(libs)

    def _stamp(self) -> str:
        return hashlib.sha256(self.pom.encode()).hexdigest()


def find_java(needed_by: str) -> str:
    """Path of a `java` of version 17 or later. Raises Misconfigured, saying what is missing."""
    java = shutil.which("java")
    if java is None:
        raise Misconfigured(f"no java on PATH: {needed_by} needs Java {JAVA_VERSION} or later")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    found = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if found is None or int(found.group(1)) < JAVA_VERSION:
        had = found.group(1) if found else "an unknown version"
        raise Misconfigured(f"java on PATH is {had}: {needed_by} needs Java {JAVA_VERSION} or later")
    return java


def find_maven(needed_by: str) -> str:
    """Path of `mvn`. Raises Misconfigured when there is none."""
    maven = shutil.which("mvn")
    if maven is None:
        raise Misconfigured(f"no mvn on PATH: Maven fetches {needed_by}")
    return maven


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder, made if need be, against other processes that fetch into it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
