"""The promises of every target, without a fuzzer: of the seeds, of what was found, and of what hypothesis makes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import FOUND
from tests.fuzz.targets import TARGETS
from tests.fuzz.watch import Watch

SEEDS_TRIED = 12


def kept() -> list[Path]:
    return sorted(file for folder in FOUND.iterdir() if folder.is_dir() for file in folder.iterdir())


@cache
def prepared(name: str) -> None:
    """Compiles what the target needs, which is not the time of an input."""
    TARGETS[name].promise(TARGETS[name].seeds()[0])


def watched(name: str, folder: Path, body: bytes) -> None:
    """Raises what the promise raises, and TooSlow."""
    prepared(name)
    Watch(TARGETS[name], folder / "figures.json", seconds=1)(body)


@pytest.mark.parametrize("file", kept(), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_once_broke_a_promise_breaks_it_no_more(file: Path, tmp_path: Path) -> None:
    watched(file.parent.name, tmp_path, file.read_bytes())


def test_something_was_found_once_and_every_folder_of_it_is_a_target() -> None:
    assert kept()
    assert {file.parent.name for file in kept()} <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_keep_the_promise(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    good = [body for body in target.seeds() if len(body) <= target.longest]
    assert good
    for body in good[:: max(1, len(good) // SEEDS_TRIED)]:
        watched(name, tmp_path, body)


@pytest.mark.parametrize("name", [name for name in TARGETS if "long" not in name])
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_seeds_keep_the_promise(name: str, tmp_path: Path, data: st.DataObject) -> None:
    target = TARGETS[name]
    body = data.draw(st.sampled_from([body for body in target.seeds() if len(body) <= target.longest]))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 20)))
        put = data.draw(st.one_of(st.sampled_from(target.words), st.binary(max_size=4), st.just(body[start:end] * 3)))
        body = body[:start] + put + body[end:]
    watched(name, tmp_path, body)
