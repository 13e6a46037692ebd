import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import asyncpg
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from carehub.broker import jars, maven
from carehub.broker.local import LocalKafka
from contract.errors import Misconfigured
from contract.topics import MAX_MESSAGE_BYTES


def _until(condition, seconds: float = 15.0) -> bool:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second while it is read
        return False


@pytest.mark.kafka
def test_a_local_kafka_takes_messages_of_the_full_size_and_makes_no_topic_by_itself(kafka: LocalKafka) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.address})
    name = f"t-{uuid.uuid4().hex}"
    assert name not in admin.list_topics(name, timeout=5).topics or admin.list_topics(name).topics[name].error
    admin.create_topics([NewTopic(name, 1, config={"max.message.bytes": str(MAX_MESSAGE_BYTES)})])[name].result(10)
    assert name in admin.list_topics(timeout=5).topics


@pytest.mark.kafka
def test_its_log_outlives_it_and_nothing_else_does(kafka: LocalKafka, tmp_path: Path) -> None:
    home = tmp_path / "kafka"
    with LocalKafka(kafka._libs, home) as first:
        admin = AdminClient({"bootstrap.servers": first.address})
        admin.create_topics([NewTopic("kept", 1)])["kept"].result(10)
        group = first.process_id
        assert group is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    with LocalKafka(kafka._libs, home) as second:
        topics = AdminClient({"bootstrap.servers": second.address}).list_topics(timeout=10).topics
    assert "kept" in topics


def test_a_server_on_the_leash_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    script = (
        "import sys, time; from carehub.broker.process import start_on_leash\n"
        f"start_on_leash(['sh', '-c', 'echo $$ > {noted}; exec sleep 600'], -3)\n"
        "time.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", script])
    try:
        assert _until(lambda: noted.exists() and noted.read_text().strip())
        server = int(noted.read_text())
        starter.send_signal(signal.SIGKILL)
        starter.wait()
        assert _until(lambda: not _runs(server))
    finally:
        starter.kill()


def test_missing_java_and_maven_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="java"):
        maven.find_java(jars.KAFKA)
    with pytest.raises(Misconfigured, match="mvn"):
        maven.find_maven(jars.KAFKA)


def test_an_old_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Misconfigured, match="is 11"):
        maven.find_java(jars.KAFKA)


@pytest.mark.postgres
async def test_a_fresh_postgres_database_answers(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()
