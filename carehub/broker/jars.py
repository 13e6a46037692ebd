"""Apache Kafka's jars, fetched once by Maven into `<data>/kafka/libs`. Every version stands here and nowhere else."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from contract.errors import Misconfigured

KAFKA_VERSION: Final = "4.4.0"
SCALA_VERSION: Final = "2.13"
LOG4J_VERSION: Final = "2.24.3"
JAVA_VERSION: Final = 17
FETCH_SECONDS: Final = 600.0

# without `xmlns`: Maven takes it, and the namespace would only name a host
_POM: Final = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>carehub</groupId>
  <artifactId>local-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_{SCALA_VERSION}</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-core</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


def find_java() -> str:
    """Path of a `java` of version 17 or later. Raises Misconfigured, saying what is missing."""
    java = shutil.which("java")
    if java is None:
        raise Misconfigured(f"no java on PATH: Apache Kafka needs Java {JAVA_VERSION} or later")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    found = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if found is None or int(found.group(1)) < JAVA_VERSION:
        had = found.group(1) if found else "an unknown version"
        raise Misconfigured(f"java on PATH is {had}: Apache Kafka needs Java {JAVA_VERSION} or later")
    return java


def find_maven() -> str:
    """Path of `mvn`. Raises Misconfigured when there is none."""
    maven = shutil.which("mvn")
    if maven is None:
        raise Misconfigured("no mvn on PATH: Maven fetches Apache Kafka's jars")
    return maven


def jars_are_here(data: Path) -> bool:
    """Whether the jars of exactly these versions lie in the data folder."""
    stamp = data / "kafka" / "libs" / "VERSIONS"
    return stamp.is_file() and stamp.read_text() == _stamp()


def fetch_jars(data: Path, progress: Callable[[str], None]) -> Path:
    """The folder with Kafka's jars, fetched now if it is not there yet; safe from several processes at once.

    `progress` gets a line before and after the fetch, none when there is nothing to do. Raises Misconfigured when Java
    or Maven are missing or Maven fails.
    """
    find_java()
    libs = data / "kafka" / "libs"
    if jars_are_here(data):
        return libs
    maven = find_maven()
    with _locked(data / "kafka"):
        if not jars_are_here(data):
            progress(f"fetching Apache Kafka {KAFKA_VERSION} by Maven (about 45 MB, once)")
            _run_maven(maven, data / "kafka", libs)
            progress(f"Apache Kafka {KAFKA_VERSION} is in {libs}")
    return libs


def _run_maven(maven: str, folder: Path, libs: Path) -> None:
    pom, part = folder / "pom.xml", folder / "libs.part"
    pom.write_text(_POM)
    shutil.rmtree(part, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    command.append(f"-DoutputDirectory={part.resolve()}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise Misconfigured(f"Maven did not fetch Kafka's jars within {FETCH_SECONDS:.0f} s: is it online?") from None
    if done.returncode != 0 or not any(part.glob("kafka_*.jar")):
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-5:]
        raise Misconfigured("Maven could not fetch Kafka's jars: " + " / ".join(last))
    (part / "VERSIONS").write_text(_stamp())
    shutil.rmtree(libs, ignore_errors=True)
    part.rename(libs)


def _stamp() -> str:
    return hashlib.sha256(_POM.encode()).hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
