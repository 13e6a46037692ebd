"""Dead letters in groups of one cause, in pages, and discarded with a reason that stays."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import update

from contract.errors import Code, Issue
from gateway.store.database import Database
from gateway.store.deadletters import list_dead_letters, list_groups, told_letter
from gateway.store.fingerprints import name_unnamed, plain_path
from gateway.store.group import Keeper
from gateway.store.keeping import Refused
from gateway.store.letter_work import count_letters, discard, kept_letter, open_letters
from gateway.store.models import dead_letter
from tests.gateway.store.making import GP, NOON, draft, keeping, later, person, refused


def bad(path: str, code: Code = Code.INVALID_DATE) -> Refused:
    return Refused((Issue(code, path, "write it as YYYYMMDD"), Issue(Code.MISSING_FIELD, "PV1-19", "it is missing")))


async def kept(keeper: Keeper, outcome: Refused, **more: object) -> str:
    return (await keeper.keep(keeping(outcome, **more))).id  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("PID-7", "PID-7"),
        ("OBX[3]-5[2].1", "OBX-5.1"),
        ("row 12, Date of Birth", "Date of Birth"),
        ("row 12", ""),
        ("Bundle.entry[2].resource.status", "Bundle.entry.resource.status"),
    ],
)
def test_a_path_without_what_counts_repetitions(path: str, plain: str) -> None:
    assert plain_path(path) == plain


async def test_letters_of_one_cause_are_one_group_whatever_row_or_repetition(
    keeper: Keeper, database: Database
) -> None:
    first = await kept(keeper, bad("OBX[3]-14"), id_="A")
    await kept(keeper, bad("OBX[3]-14"), id_="A", received=later(minutes=1))
    await kept(keeper, bad("OBX-14"), received=later(minutes=2))
    await kept(keeper, bad("OBX-14"), source=GP, received=later(minutes=3))
    await kept(keeper, bad("OBX-5"), received=later(minutes=4))
    await kept(keeper, bad("OBX-14", Code.INVALID_VALUE), received=later(minutes=5))
    groups = [group.as_dict() for group in await database.read(list_groups)]
    assert [(g["source"], g["code"], g["path"], g["letters"], g["times"]) for g in groups] == [
        ("dch-pas", "invalid-value", "OBX-14", 1, 1),
        ("dch-pas", "invalid-date", "OBX-5", 1, 1),
        ("gp-system", "invalid-date", "OBX-14", 1, 1),
        ("dch-pas", "invalid-date", "OBX-14", 2, 3),
    ]
    assert groups[3]["example"] == first
    assert groups[3]["text"] == "write it as YYYYMMDD"
    assert (groups[3]["firstReceived"], groups[3]["lastReceived"]) == (
        "2026-03-01T12:00:00.000Z",
        "2026-03-01T12:02:00.000Z",
    )
    assert len(await database.read(partial(list_groups, source=GP.id))) == 1
    assert len(await database.read(partial(list_groups, limit=2))) == 2
    assert await database.read(partial(list_groups, status="closed")) == []


async def test_a_groups_letters_come_in_the_order_received_page_by_page(keeper: Keeper, database: Database) -> None:
    moments = (3, 1, 2, 2, 2)
    ids = [await kept(keeper, bad("PID-7"), received=later(minutes=minute)) for minute in moments]
    group = (await database.read(list_groups))[0].id
    in_order = [ids[1], ids[2], ids[3], ids[4], ids[0]]
    pages: list[list[str]] = []
    while page := await database.read(open_letters, group, after=pages[-1][-1] if pages else None, limit=2):
        pages.append(page)
        await database.run(discard, page[:1], actor="ann", reason="seen", now=NOON)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [id_ for page in pages for id_ in page] == in_order
    assert await database.read(count_letters, group) == (2, 5)


async def test_letters_are_listed_newest_first_in_pages(keeper: Keeper, database: Database) -> None:
    ids = [await kept(keeper, bad("PID-7"), received=later(minutes=n // 2)) for n in range(5)]
    group = (await database.read(list_groups))[0].id
    seen: list[str] = []
    while page := await database.read(
        partial(list_dead_letters, group=group, after=seen[-1] if seen else None, limit=2)
    ):
        seen += [letter.id for letter in page]
    assert seen == [ids[4], ids[2], ids[3], ids[0], ids[1]]
    assert await database.read(partial(list_dead_letters, group="0" * 16)) == []


async def test_a_letter_is_superseded_by_a_later_one_of_its_id_while_that_is_open(
    keeper: Keeper, database: Database
) -> None:
    async def superseded(id_: str) -> bool:
        found = await database.read(kept_letter, id_)
        assert found is not None
        return found.superseded

    old = await kept(keeper, refused(), id_="A", content="one")
    new = await kept(keeper, refused(), id_="A", content="two", received=later(minutes=1))
    await kept(keeper, refused(), id_="B")
    assert [await superseded(id_) for id_ in (old, new)] == [True, False]
    await database.run(discard, [new], actor="ann", reason="a test", now=NOON)
    assert not await superseded(old)


async def test_a_discarded_letter_stays_with_who_did_it_and_why(keeper: Keeper, database: Database) -> None:
    one, other = await kept(keeper, refused()), await kept(keeper, refused())
    assert await database.run(discard, [one, "none"], actor="ann", reason="a test message", now=NOON) == 1
    assert await database.run(discard, [one], actor="bob", reason="again", now=NOON) == 0
    found = await database.read(told_letter, one)
    assert found is not None
    assert (found["status"], found["closed"]) == ("discarded", "2026-03-01T12:00:00.000Z")
    assert found["history"] == [
        {
            "at": "2026-03-01T12:00:00.000Z",
            "actor": "ann",
            "action": "dead-letter-discarded",
            "reason": "a test message",
        }
    ]
    assert [letter.id for letter in await database.read(list_dead_letters)] == [other]


async def test_letters_that_an_earlier_version_kept_get_their_group_afterwards(
    keeper: Keeper, database: Database
) -> None:
    for n in range(3):
        await kept(keeper, bad(f"OBX[{n}]-14"))
    [group] = await database.read(list_groups)
    await database.run(lambda c: c.execute(update(dead_letter).values(fingerprint="")))
    assert [await database.run(name_unnamed, 2) for _ in range(3)] == [2, 1, 0]
    assert [found.id for found in await database.read(list_groups)] == [group.id]


async def test_a_letter_that_a_resend_closed_names_that_message(keeper: Keeper, database: Database) -> None:
    letter = await kept(keeper, refused(), id_="A")
    retried = await kept(keeper, refused(), id_="B")

    async def told(id_: str) -> tuple[object, ...]:
        found = await database.read(told_letter, id_)
        assert found is not None
        return found["status"], found["message"], found["resentAs"]

    assert await told(letter) == ("open", None, None)
    good = await keeper.keep(keeping(draft(person("1")), id_="A", content="corrected"))
    assert await told(letter) == ("closed", None, good.id)
    became = await keeper.keep(keeping(draft(person("1")), id_="B", retries=retried))
    assert await told(retried) == ("closed", became.id, None)
    [first, second] = await database.read(partial(list_dead_letters, status="closed"))
    assert {first.resent, second.resent} == {good.id, None}
    await kept(keeper, refused(), id_="C")
    [group] = await database.read(partial(list_groups, status=None))
    assert (group.letters, group.open) == (3, 1)
