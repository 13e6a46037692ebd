"""Apache Kafka's jars, fetched once by Maven into `<data>/kafka/libs`. Every version stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from carehub.broker.maven import Jars

KAFKA: Final = "Apache Kafka"
KAFKA_VERSION: Final = "4.4.0"
SCALA_VERSION: Final = "2.13"
LOG4J_VERSION: Final = "2.24.3"

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

_JARS: Final = Jars(f"{KAFKA} {KAFKA_VERSION}", _POM, "kafka_*.jar", 45)


def jars_are_here(data: Path) -> bool:
    """Whether the jars of exactly these versions lie in the data folder."""
    return _JARS.are_in(data / "kafka")


def fetch_jars(data: Path, progress: Callable[[str], None]) -> Path:
    """The folder with Kafka's jars, fetched now if it is not there yet (see Jars.fetch)."""
    return _JARS.fetch(data / "kafka", progress)
