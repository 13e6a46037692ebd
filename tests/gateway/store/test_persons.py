"""Whose an event is: local identity, NHS number, links and merges."""

from __future__ import annotations

from contract.links import PERSON_LINKED, PersonLink, link_of
from gateway.source import Source
from gateway.store.database import Database
from gateway.store.group import Keeper
from tests.gateway.store.making import (
    ANN,
    BEA,
    GP,
    PAS,
    PDS,
    PERSONS,
    Out,
    draft,
    keeping,
    local_key,
    person,
    published,
    untraced_key,
)

ADMITTED = "patient-admitted-1"
MERGED = "patient-merged-1"
MOVED = "visit-moved-1"
ANN_KEY = PERSONS.of_nhs_number(ANN)
BEA_KEY = PERSONS.of_nhs_number(BEA)


async def told(database: Database) -> list[tuple[str, str]]:
    return [row.told for row in await database.read(published)]


def in_order(rows: list[Out]) -> bool:
    return [row.sequence for row in rows] == sorted(row.sequence for row in rows)


async def test_the_key_comes_from_the_best_that_the_message_says(keeper: Keeper, database: Database) -> None:
    for subject in (
        person("1", ANN),
        person("2"),
        person("3", ANN, "02"),
        person(None, ANN, "02"),
        person(None, "9000000000"),  # not a valid number
        person(None, "2222222222"),  # valid, but one digit ten times
        None,
    ):
        await keeper.keep(keeping(draft(subject)))
    assert [key for _, key in await told(database)] == [
        ANN_KEY,
        local_key("2"),
        local_key("3"),
        untraced_key(ANN),
        untraced_key("9000000000"),
        untraced_key("2222222222"),
        PERSONS.of_source("dch-pas"),
    ]


async def test_a_number_without_status_counts_only_from_a_source_registered_as_traced(
    keeper: Keeper, database: Database
) -> None:
    traced = Source("gp", "J81010", GP.sector, "qvv", (), "gp", traced=True)
    await keeper.keep(keeping(draft(person(None, ANN, None))))
    await keeper.keep(keeping(draft(person(None, ANN, None)), source=traced))
    assert [key for _, key in await told(database)] == [untraced_key(ANN), ANN_KEY]


async def test_a_hospital_number_means_nothing_in_another_source_unless_they_share_identifiers(
    keeper: Keeper, database: Database
) -> None:
    sharing = Source("dch-ed", "RBD", PAS.sector, "qvv", (), identifier_domain="dch-pas")
    for source in (PAS, GP, sharing):
        await keeper.keep(keeping(draft(person("1")), source=source))
    assert [key for _, key in await told(database)] == [local_key("1"), local_key("1", GP), local_key("1")]


async def test_local_identity_first_then_nhs_number_then_number_left_out(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("1"))))
    await keeper.keep(keeping(draft(person("1", ANN))))
    await keeper.keep(keeping(draft(person("1"))))
    rows = await database.read(published)
    assert [row.told for row in rows] == [
        (ADMITTED, local_key("1")),
        (PERSON_LINKED, local_key("1")),
        (PERSON_LINKED, ANN_KEY),
        (ADMITTED, ANN_KEY),
        (ADMITTED, ANN_KEY),
    ]
    assert [link_of(row.bundle) for row in rows[1:3]] == [PersonLink(local_key("1"), ANN_KEY)] * 2
    assert len({row.bundle["entry"][0]["resource"]["id"] for row in rows[1:3]}) == 2
    assert [row.after for row in rows] == [None, None, rows[1].id, rows[1].id, None]
    assert in_order(rows)
    assert [row.message is None for row in rows] == [False, True, True, False, False]


async def test_all_of_it_in_one_group_comes_to_the_same(keeper: Keeper, database: Database) -> None:
    subjects = (person("1"), person("1", ANN), person("1"), person("2", ANN))
    futures = [keeper.keep(keeping(draft(subject))) for subject in subjects]
    for future in futures:
        await future
    rows = await database.read(published)
    assert [row.told for row in rows] == [
        (ADMITTED, local_key("1")),
        (PERSON_LINKED, local_key("1")),
        (PERSON_LINKED, ANN_KEY),
        (ADMITTED, ANN_KEY),
        (ADMITTED, ANN_KEY),
        (ADMITTED, ANN_KEY),
    ]
    assert in_order(rows)


async def test_links_are_told_in_every_topic_that_knew_the_old_key(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("1"), restricted=True)))
    await keeper.keep(keeping(draft(person("1", ANN))))
    links = [row for row in await database.read(published) if row.type == PERSON_LINKED]
    assert [(row.key, row.topic) for row in links] == [
        (local_key("1"), "care.qvv.acute.restricted.v1"),
        (local_key("1"), "care.qvv.acute.v1"),
        (ANN_KEY, "care.qvv.acute.restricted.v1"),
        (ANN_KEY, "care.qvv.acute.v1"),
    ]
    assert {row.after for row in links[2:]} == {links[1].id}


async def test_another_number_unlinks_and_links_anew_and_never_merges_two_numbers(
    keeper: Keeper, database: Database
) -> None:
    await keeper.keep(keeping(draft(person("1", ANN))))
    await keeper.keep(keeping(draft(person("1", BEA))))
    await keeper.keep(keeping(draft(person("1"))))
    await keeper.keep(keeping(draft(person("9", ANN)), source=GP))
    rows = await database.read(published)
    assert [row.told for row in rows] == [
        (ADMITTED, ANN_KEY),
        (PERSON_LINKED, ANN_KEY),
        (PERSON_LINKED, BEA_KEY),
        (ADMITTED, BEA_KEY),
        (ADMITTED, BEA_KEY),
        (ADMITTED, ANN_KEY),
    ]
    assert link_of(rows[1].bundle) == PersonLink(local_key("1"), BEA_KEY, withdrawn=ANN_KEY)


async def test_a_merge_goes_under_both_keys_and_the_prior_key_resolves_from_then_on(
    keeper: Keeper, database: Database
) -> None:
    await keeper.keep(keeping(draft(person("old"))))
    await keeper.keep(keeping(draft(person("new", ANN), MERGED, prior=person("old"))))
    await keeper.keep(keeping(draft(person("old"))))
    rows = await database.read(published)
    assert [row.told for row in rows] == [
        (ADMITTED, local_key("old")),
        (MERGED, local_key("old")),
        (MERGED, ANN_KEY),
        (ADMITTED, ANN_KEY),
    ]
    assert [link_of(row.bundle) for row in rows[1:3]] == [PersonLink(local_key("old"), ANN_KEY)] * 2
    assert rows[2].after == rows[1].id


async def test_what_concerns_two_persons_goes_under_both_keys_and_merges_nobody(
    keeper: Keeper, database: Database
) -> None:
    await keeper.keep(keeping(draft(person("to", ANN), MOVED, also=person("from"))))
    await keeper.keep(keeping(draft(person("from"))))
    rows = await database.read(published)
    assert [row.told for row in rows] == [
        (MOVED, local_key("from")),
        (MOVED, ANN_KEY),
        (ADMITTED, local_key("from")),
    ]
    assert [link_of(row.bundle) for row in rows] == [None, None, None]


async def test_what_moves_within_one_person_is_told_once(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("one", ANN), MOVED, also=person("other", ANN))))
    assert await told(database) == [(MOVED, ANN_KEY)]


async def test_a_merge_within_one_person_is_told_once(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("old", ANN))))
    await keeper.keep(keeping(draft(person("new", ANN), MERGED, prior=person("old"))))
    assert await told(database) == [(ADMITTED, ANN_KEY), (MERGED, ANN_KEY)]


async def test_a_trust_that_merges_moves_its_own_identity_and_not_the_number_of_all_others(
    keeper: Keeper, database: Database
) -> None:
    await keeper.keep(keeping(draft(person("old", ANN))))
    await keeper.keep(keeping(draft(person("new", BEA), MERGED, prior=person("old"))))
    await keeper.keep(keeping(draft(person("old"))))
    await keeper.keep(keeping(draft(person("9", ANN)), source=GP))
    rows = await database.read(published)
    assert [row.told for row in rows[1:]] == [
        (MERGED, ANN_KEY),
        (MERGED, BEA_KEY),
        (ADMITTED, BEA_KEY),
        (ADMITTED, ANN_KEY),
    ]
    assert link_of(rows[1].bundle) == PersonLink(local_key("old"), BEA_KEY, withdrawn=ANN_KEY)


async def test_an_authority_replaces_one_number_by_another(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("1", ANN))))
    await keeper.keep(keeping(draft(person(None, BEA), MERGED, prior=person(None, ANN)), source=PDS))
    await keeper.keep(keeping(draft(person("1"))))
    await keeper.keep(keeping(draft(person("2", ANN))))
    assert await told(database) == [
        (ADMITTED, ANN_KEY),
        (MERGED, ANN_KEY),
        (MERGED, BEA_KEY),
        (ADMITTED, BEA_KEY),
        (ADMITTED, BEA_KEY),
    ]


async def test_a_merge_that_was_the_wrong_way_round_is_turned(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("b"), MERGED, prior=person("a"))))
    await keeper.keep(keeping(draft(person("a"), MERGED, prior=person("b"))))
    await keeper.keep(keeping(draft(person("b"))))
    assert (await told(database))[-1] == (ADMITTED, local_key("a"))


async def test_keys_and_tables_hold_no_identifier_in_clear(keeper: Keeper, database: Database, url: str) -> None:
    await keeper.keep(keeping(draft(person("LOCAL-4711", ANN)), id_="MSG-4711", content="body"))
    rows = await database.read(all_values)
    assert not [value for value in rows if ANN in value or "4711" in value]


def all_values(connection: object) -> list[str]:
    from sqlalchemy import Connection, select

    from gateway.store.models import metadata

    assert isinstance(connection, Connection)
    return [
        str(value)
        for table in metadata.sorted_tables
        for row in connection.execute(select(*(c for c in table.c if c.name != "body")))
        for value in row
    ]
