"""Sources, places and operators by command."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, select

from gateway.store.models import audit, credential, heartbeat
from tests.carehub.conftest import Cli
from tests.mappings.language.folders import HL7, write_pack

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


BASE = HL7 | {"pack.yaml": HL7["pack.yaml"].replace("mine", "wards")}
PIN = ("places", "pin", "qvv", "wards")


@pytest.fixture
def wards(hub: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packs with two versions of one; a source at weymouth, which lies in qvv, runs it."""
    folder = tmp_path / "packs"
    write_pack(folder, BASE, "wards")
    write_pack(folder, BASE | {"pack.yaml": BASE["pack.yaml"].replace("1.0.0", "2.0.0")}, "wards@2.0.0")
    monkeypatch.setenv("CAREHUB_PACKS", str(folder))
    hub.run("places", "add", "weymouth", "--parent", "qvv")
    named = {"dch-pas": "ward-round", "qvv": "weymouth", "hl7v2-itk": "wards"}
    hub.run(*(named.get(word, word) for word in ADD))
    return folder


def test_a_place_and_what_lies_in_it_hold_to_a_pinned_version_until_it_is_unpinned(hub: Cli, wards: Path) -> None:
    assert hub.json(*PIN, "2.0.0")["pins"] == {"wards": "2.0.0"}
    assert hub.json("places", "show", "weymouth")["pins"] == {}
    assert hub.json("places", "show", "weymouth")["runs"] == {"wards": "2.0.0"}
    assert "wards 2.0.0" in hub.run("places", "show", "qvv")
    hub.run(*PIN, "1.0.0")
    assert hub.json("places", "show", "weymouth")["runs"] == {"wards": "1.0.0"}
    assert hub.json("places", "unpin", "qvv", "wards")["pins"] == {}
    assert "pins no version of wards" in hub.both("places", "unpin", "qvv", "wards", code=1)[1]
    with create_engine(f"sqlite:///{hub.folder / 'hub.sqlite'}").connect() as connection:
        told = connection.execute(select(audit.c.action, audit.c.detail).where(audit.c.action.like("pack-%"))).all()
    assert [row.action for row in told] == ["pack-pinned", "pack-unpinned", "pack-pinned", "pack-unpinned"]
    assert told[0].detail == {"pack": "wards", "version": "2.0.0"}


def test_a_version_that_is_not_there_is_not_pinned_and_those_there_are_listed(hub: Cli, wards: Path) -> None:
    said = hub.both(*PIN, "3.0.0", code=2)[1]
    assert "there is no wards 3.0.0; there are: 1.0.0, 2.0.0 (put the folder wards@3.0.0 on CAREHUB_PACKS)" in said
    assert "hl7v2-itk, mhsds, wards" in hub.both("places", "pin", "qvv", "warts", "1.0.0", code=2)[1]
    assert "there is no place x" in hub.both("places", "pin", "x", "wards", "1.0.0", code=1)[1]
    assert hub.json("places", "show", "qvv")["pins"] == {}


@pytest.mark.parametrize("owner", ["place: qvv", "source: ward-round"])
def test_a_version_that_a_source_of_the_place_cannot_run_is_not_pinned(hub: Cli, wards: Path, owner: str) -> None:
    manifest = f'overlay: wards 1.x\n{owner}\nversion: "1"\nlanguage: 1\n'
    change = "segments/PID/Patient:\n  - add: active\n    with: true\n"
    write_pack(wards, {"pack.yaml": manifest, "changes.yaml": change}, "dorset")
    said = hub.both(*PIN, "2.0.0", code=1)[1]
    assert "qvv cannot hold to 2.0.0; nothing is changed" in said
    assert "dorset/pack.yaml:1:10" in said
    assert hub.json("places", "show", "qvv")["pins"] == {}
    hub.run(*PIN, "1.0.0")


def beats(hub: Cli, *rows: dict[str, object]) -> None:
    """Signs of life, as gateways write them."""
    with create_engine(f"sqlite:///{hub.folder / 'hub.sqlite'}").begin() as connection:
        connection.execute(insert(heartbeat), [{"role": "gateway", "at": datetime.now(UTC), **row} for row in rows])


def test_a_reload_tells_which_gateways_have_followed_and_what_is_wrong(hub: Cli) -> None:
    beats(
        hub,
        {"process": "one", "reloads": 1, "trouble": "source s is refused: dorset/changes.yaml:2:10  no"},
        {"process": "two", "reloads": 0, "trouble": ""},
        {"process": "gone", "reloads": 0, "trouble": "", "at": datetime.now(UTC) - timedelta(minutes=1)},
        {"process": "relay", "role": "relay", "reloads": 0, "trouble": ""},
    )
    assert hub.json("packs", "reload", "--wait", "0", code=1) == {
        "ok": False,
        "gateways": [
            {"gateway": "one", "done": True, "trouble": ["source s is refused: dorset/changes.yaml:2:10  no"]},
            {"gateway": "two", "done": False, "trouble": []},
        ],
    }
    out = hub.run("packs", "reload", "--wait", "0", code=1)
    assert "one: has not answered yet\n" in out, "that was another request"
    assert "  source s is refused: dorset/changes.yaml:2:10  no\n" in out


def test_a_reload_without_a_gateway_says_so(hub: Cli) -> None:
    assert "no gateway is running" in hub.both("packs", "reload")[1]


def test_doctor_tells_what_gateways_say_of_their_packs(hub: Cli) -> None:
    trouble = "source s runs its last good mapping: x\nan overlay cannot be read: y"
    beats(hub, {"process": "one", "trouble": trouble}, {"process": "two", "trouble": "an overlay cannot be read: y"})
    beats(hub, {"process": "gone", "trouble": "z", "at": datetime.now(UTC) - timedelta(minutes=1)})
    wrong = [each for each in hub.json("doctor", code=1)["findings"] if not each["ok"]]
    assert [each["found"] for each in wrong] == [
        "source s runs its last good mapping: x (on one)",
        "an overlay cannot be read: y (on one, two)",
    ]
    assert "carehub packs reload" in wrong[0]["advice"]


def test_operators_have_roles_and_can_be_disabled(hub: Cli) -> None:
    key = hub.json("operators", "add", "prometheus", "--role", "viewer")["key"]
    assert key.startswith("chk_")
    assert [(each["name"], each["role"]) for each in hub.json("operators", "list")] == [("prometheus", "viewer")]
    hub.both("operators", "add", "prometheus", "--role", "viewer", code=1)
    hub.run("operators", "disable", "prometheus")
    assert hub.json("operators", "list") == []
