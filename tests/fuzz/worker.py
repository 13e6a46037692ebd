"""One target under atheris: `python -m tests.fuzz.worker TARGET …`, run by `python -m tests.fuzz`.

atheris counts the branches of what is imported under its hook, and of the functions that packs were compiled to; so
everything of ours is imported late here. Its report goes to standard error, an input that breaks the promise into
the folder of what was found, and the figures into a file.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
from pathlib import Path
from types import FunctionType
from typing import Final

import atheris

COUNTED: Final = ["contract", "gateway.mllp", "mappings", "tests.fuzz.planted"]
NOT_COUNTED: Final = ["mappings.language.compile", "mappings.language.build", "mappings.language.fhir"]
"""What runs once at the start."""
HANG_SECONDS: Final = 60
MEMORY_MIB: Final = 2048
LONGEST_COUNTED: Final = 8_000
"""Octets of byte code of a function whose branches are counted."""


def main() -> None:
    given = arguments()
    with atheris.instrument_imports(include=COUNTED, exclude=NOT_COUNTED):
        from tests.fuzz.targets import PLANTED, TARGETS
        from tests.fuzz.watch import Watch
    target = {**TARGETS, **PLANTED}[given.target]
    good = [body for body in target.seeds() if len(body) <= target.longest]
    target.promise(good[0])  # also compiles the packs, before the time begins
    count_packs()
    home, corpus = Path(given.home), Path(given.corpus)
    (home / "seeds").mkdir()
    for number, body in enumerate(good):
        (home / "seeds" / f"{number}").write_bytes(body)
    watch = Watch(target, home / "figures.json", given.seconds)
    flags: dict[str, object] = {
        "max_total_time": max(1, round(given.seconds)),
        "runs": given.executions,
        "max_len": target.longest,
        "timeout": HANG_SECONDS,
        "rss_limit_mb": MEMORY_MIB,
        "seed": given.seed,
        "artifact_prefix": f"{given.found}/",
        "print_final_stats": 1,
    }
    if target.words:
        flags["dict"] = home / "words"
        (home / "words").write_text("".join(f'"{_quoted(word)}"\n' for word in target.words))
    command = [sys.argv[0], *(f"-{name}={value}" for name, value in flags.items()), str(corpus), str(home / "seeds")]
    options = {"custom_mutator": damaged_by_segment} if target.hl7v2 else {}
    atheris.Setup(command, watch, **options)
    atheris.Fuzz()


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser()
    options.add_argument("target")
    options.add_argument("--seconds", type=float, required=True)
    options.add_argument("--executions", type=int, default=-1)
    options.add_argument("--seed", type=int, default=0)
    for folder in ("home", "corpus", "found"):
        options.add_argument(f"--{folder}", required=True)
    return options.parse_args()


def count_packs() -> None:
    """Has the branches of compiled packs counted: their code comes from no import. Long functions are left alone, since
    the time that this takes grows with the square of their length: minutes for that of an admission."""
    from mappings.language.runtime import program

    names = program._names({}).keys()
    for function in [each for each in gc.get_objects() if isinstance(each, FunctionType)]:
        if names <= function.__globals__.keys() and len(function.__code__.co_code) < LONGEST_COUNTED:
            atheris.instrument_func(function)


def damaged_by_segment(data: bytes, longest: int, seed: int) -> bytes:
    """Half of the inputs are mutated as octets, half as HL7 v2: segments, fields and components."""
    from tests.mappings.mutations import damaged, generated

    chance = random.Random(seed)
    kind = chance.random()
    if kind < 0.5 or not data.strip(b"\r\n"):
        return bytes(atheris.Mutate(data, longest))
    return (generated(chance) if kind < 0.6 else damaged(data, chance))[:longest]


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{octet:02x}" for octet in word)


if __name__ == "__main__":
    main()
