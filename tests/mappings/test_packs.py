"""Every sample of every built-in pack gives what its expectation says, and every pack is free of mistakes."""

from __future__ import annotations

import orjson
import pytest

from contract.errors import errors_of
from mappings import validation
from mappings.language import Cache, lint_packs, list_packs
from mappings.language.samples import run_samples, sample_folders
from tests.packs import COMPILED

PACKS = [pack.name for pack in list_packs()]


@pytest.mark.parametrize("pack", PACKS)
def test_every_sample_gives_what_is_expected_of_it(pack: str) -> None:
    results = run_samples(pack, cache=Cache(COMPILED))

    failed = [f"{r.sample}\n  " + "\n  ".join(r.differences[:12]) for r in results if not r.ok]
    assert not failed, "\n".join(failed)
    assert results or not sample_folders(pack)


@pytest.mark.parametrize("pack", PACKS)
def test_every_golden_is_valid_for_the_reference_and_for_the_check_that_serves(pack: str) -> None:
    for folder in sample_folders(pack):
        for event in orjson.loads((folder / "expected.json").read_bytes()).get("events", ()):
            found = [*validation.check_reference(event["bundle"]), *validation.validate(event["bundle"])]
            assert errors_of(found) == (), folder.name


def test_no_pack_has_a_mistake() -> None:
    mistakes = [str(problem) for problem in lint_packs() if not problem.warning]

    assert not mistakes, "\n\n".join(mistakes)
