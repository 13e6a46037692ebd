"""What carehub publishes is judged by others: HAPI against R4 and UK Core, the R4 JSON schema, and a few checks of our
own for what neither can see. See docs/conformance.md."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable

import pytest

from contract.errors import Misconfigured
from tests.conformance import report
from tests.conformance.faults import FAULTS, Fault
from tests.conformance.gather import CORPUS, UK_CORE, profiles
from tests.conformance.judging import FAULT, UNTOUCHED, Judged, judge_everything
from tests.conformance.progress import stages
from tests.conftest import missing
from tests.servers import UnstartableError, data_folder

pytestmark = [pytest.mark.conformance, pytest.mark.slow]


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Judged:
    """The one judgement of this run: the first process that needs it judges, the others wait for what came of it."""
    folder = tmp_path_factory.getbasetemp()
    kept = (folder if worker_id == "master" else folder.parent) / "judged"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            try:
                kept.write_bytes(pickle.dumps(judge_everything(data_folder(), stages(print))))
            except Misconfigured as lacking:
                missing(UnstartableError(str(lacking)))
    found: Judged = pickle.loads(kept.read_bytes())  # noqa: S301  # written above, by this run
    return found


def test_what_is_published_has_no_error_and_no_warning_without_a_reason(
    judged: Judged, record_property: Callable[[str, object], None]
) -> None:
    record_property("counted", report.counted(judged))
    assert not judged.found.ours, "\n".join(report.lines(judged))


def test_the_judgement_is_not_empty(judged: Judged) -> None:
    assert judged.goldens >= 100
    assert judged.resources.total() >= 1000


def test_each_type_that_uk_core_has_a_profile_for_was_judged_by_it(judged: Judged) -> None:
    if not judged.uk_core:
        pytest.skip(f"no UK Core definitions at {UK_CORE}: set CAREHUB_CORPUS")
    assert judged.definitions >= 370, "UK Core's profiles, extensions, value sets and code systems"
    claimed = {profile for kind, profile in profiles().items() if kind in judged.resources}
    assert len(claimed) >= 20
    assert claimed <= set(judged.applied)


def test_real_messages_were_judged_and_every_accepted_warning_still_occurs(judged: Judged) -> None:
    if not judged.corpus.files or not judged.uk_core:
        pytest.skip(f"no real messages, or no UK Core, under {CORPUS}: set CAREHUB_CORPUS")
    assert len(judged.corpus.events) >= 25
    assert [row.message.pattern for row in judged.stale] == []


def test_the_sound_bundle_that_faults_are_planted_in_has_none(judged: Judged) -> None:
    assert judged.seen[UNTOUCHED] == frozenset()
    assert len([fault for fault in FAULTS if not fault.uk_core]) >= 10


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_seen_by_the_judges_that_can_see_it(judged: Judged, fault: Fault) -> None:
    if fault.uk_core and not judged.uk_core:
        pytest.skip(f"no UK Core definitions at {UK_CORE}: set CAREHUB_CORPUS")
    assert fault.seen_by
    assert judged.seen[FAULT + fault.name] == fault.seen_by
