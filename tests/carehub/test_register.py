"""Sources, places and operators by command."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from gateway.store.models import audit, credential
from tests.carehub.conftest import Cli

ADD = (
    "sources",
    "add",
    "dch-pas",
    "--organisation",
    "RBD",
    "--sector",
    "acute",
    "--place",
    "qvv",
    "--pack",
    "hl7v2-itk",
)


def test_a_source_is_added_and_its_key_shown_once(hub: Cli) -> None:
    added = hub.json(*ADD)
    assert added["id"] == "dch-pas"
    assert len(added["key"]) > 40
    assert added["key"] not in hub.run("sources", "show", "dch-pas", "--json")
    assert added["key"].encode() not in (hub.folder / "hub.sqlite").read_bytes()


def test_only_the_hash_of_a_key_is_kept(hub: Cli) -> None:
    key = hub.json(*ADD)["key"]
    with create_engine(f"sqlite:///{hub.folder / 'hub.sqlite'}").connect() as connection:
        kept = connection.execute(select(credential.c.hash)).scalars().all()
    assert kept == [hashlib.sha256(key.encode()).digest()]


def test_without_json_standard_output_holds_the_key_alone(hub: Cli) -> None:
    out, err = hub.both(*ADD)
    assert out.strip().startswith("chk_")
    assert len(out.split()) == 1
    assert "made the place qvv" in err


def test_an_id_that_is_taken_exits_1(hub: Cli) -> None:
    hub.run(*ADD)
    assert "already" in hub.both(*ADD, code=1)[1]


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--organisation", "not an ODS code", "ODS"),
        ("--place", "NHS Dorset", "lower case"),
        ("--pack", "hl7v3", "there is no pack hl7v3"),
        ("--sector", "dental", "acute"),
    ],
)
def test_what_cannot_be_meant_exits_2_and_says_what_can(hub: Cli, option: str, value: str, told: str) -> None:
    arguments = list(ADD)
    arguments[arguments.index(option) + 1] = value
    assert told in hub.both(*arguments, code=2)[1]
    assert hub.json("sources", "list") == []


def test_a_port_belongs_to_one_source(hub: Cli) -> None:
    hub.run(*ADD, "--mllp-port", "2601")
    other = ["other" if word == "dch-pas" else word for word in ADD]
    assert "bound to dch-pas" in hub.both(*other, "--mllp-port", "2601", code=1)[1]


def test_options_of_a_source_are_shown_as_they_were_given(hub: Cli) -> None:
    hub.run(*ADD)
    other = ["dch-lab" if word == "dch-pas" else word for word in ADD]
    hub.run(*other, "--ack", "when-kept", "--nhs-number", "traced", "--identifiers-shared-with", "dch-pas")
    shown = hub.json("sources", "show", "dch-lab")
    assert (shown["ack"], shown["nhs_number"], shown["identifiers_shared_with"]) == ("when-kept", "traced", "dch-pas")


def test_pause_resume_disable_are_seen_in_the_list(hub: Cli) -> None:
    hub.run(*ADD)
    states = []
    for command in ("pause", "resume", "disable"):
        hub.run("sources", command, "dch-pas")
        states.append(hub.json("sources", "list")[0]["state"])
    assert states == ["paused", "open", "disabled"]
    assert "for good" in hub.both("sources", "resume", "dch-pas", code=1)[1]


def test_rotating_revokes_the_old_key_and_nobody_elses(hub: Cli) -> None:
    old = hub.json(*ADD)["key"]
    other = hub.json(*("dch-lab" if word == "dch-pas" else word for word in ADD))["key"]
    new = hub.json("sources", "rotate", "dch-pas")["key"]
    with create_engine(f"sqlite:///{hub.folder / 'hub.sqlite'}").connect() as connection:
        revoked = {row.hash: row.revoked for row in connection.execute(select(credential))}
    assert revoked[hashlib.sha256(old.encode()).digest()] is not None
    assert revoked[hashlib.sha256(new.encode()).digest()] is None
    assert revoked[hashlib.sha256(other.encode()).digest()] is None


def test_every_change_is_on_record_without_a_key(hub: Cli) -> None:
    key = hub.json(*ADD)["key"]
    hub.run("sources", "pause", "dch-pas")
    with create_engine(f"sqlite:///{hub.folder / 'hub.sqlite'}").connect() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.id)).all()
    assert [(row.action, row.subject) for row in rows] == [("source-added", "dch-pas"), ("source-paused", "dch-pas")]
    assert all(row.actor for row in rows)
    assert key not in repr(rows)


def test_an_unknown_source_exits_1(hub: Cli) -> None:
    assert "carehub sources list" in hub.both("sources", "show", "nobody", code=1)[1]


def test_a_certificate_that_is_none_exits_2(hub: Cli, tmp_path: Path) -> None:
    file = tmp_path / "c.pem"
    file.write_text("hello")
    assert "no certificate" in hub.both(*ADD, "--certificate", str(file), code=2)[1]


def test_places_form_a_chain(hub: Cli) -> None:
    hub.run("places", "add", "qvv", "--parent", "south-west", "--name", "NHS Dorset ICB")
    hub.run("places", "add", "weymouth", "--parent", "qvv")
    assert hub.json("places", "show", "weymouth")["lies_in"] == ["qvv", "south-west"]
    assert {"code": "qvv", "name": "NHS Dorset ICB", "parent": "south-west"} in hub.json("places", "list")


def test_a_place_cannot_lie_in_itself(hub: Cli) -> None:
    hub.run("places", "add", "qvv", "--parent", "south-west")
    hub.both("places", "add", "south-west", "--parent", "qvv", code=2)


def test_operators_have_roles_and_can_be_disabled(hub: Cli) -> None:
    key = hub.json("operators", "add", "prometheus", "--role", "viewer")["key"]
    assert key.startswith("chk_")
    assert [(each["name"], each["role"]) for each in hub.json("operators", "list")] == [("prometheus", "viewer")]
    hub.both("operators", "add", "prometheus", "--role", "viewer", code=1)
    hub.run("operators", "disable", "prometheus")
    assert hub.json("operators", "list") == []
