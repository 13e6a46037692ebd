"""`carehub preview` and `carehub packs`: a message tried out without a server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.carehub.conftest import Cli
from tests.corpus import CORPUS

ROOT = Path(__file__).parent.parent.parent
ADMISSION = ROOT / "mappings/packs/hl7v2-itk/samples/a01-admission/message.hl7"
MEMBERS = ["file", "index", "ok", "event", "topic", "bundle", "events", "issues", "unmapped"]


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_message_previews_as_one_line_of_json(cli: Cli) -> None:
    found = lines(cli.run("preview", str(ADMISSION), "--place", "qvv"))
    assert [list(line) for line in found] == [MEMBERS]
    assert found[0]["ok"]
    assert (found[0]["event"], found[0]["topic"]) == ("patient-admitted-1", "care.qvv.acute.v1")


def test_without_a_place_there_is_no_topic(cli: Cli) -> None:
    assert lines(cli.run("preview", str(ADMISSION)))[0]["topic"] is None


def test_nothing_is_kept(cli: Cli) -> None:
    cli.run("preview", str(ADMISSION))
    assert not cli.folder.exists()


def test_two_previews_are_equal(cli: Cli) -> None:
    assert cli.run("preview", str(ADMISSION)) == cli.run("preview", str(ADMISSION))


def test_the_pack_is_recognised_by_content_the_more_special_one_first(cli: Cli) -> None:
    special = cli.run("preview", str(ADMISSION), "--pack", "hl7v2-itk")
    assert cli.run("preview", str(ADMISSION)) == special
    assert cli.run("preview", str(ADMISSION), "--pack", "hl7v2") != special


def test_a_refusal_exits_1_and_names_the_source_field(cli: Cli, tmp_path: Path) -> None:
    broken = tmp_path / "broken.hl7"
    broken.write_bytes(ADMISSION.read_bytes().replace(b"ADT^A01", b"QRY^A19"))
    found = lines(cli.run("preview", str(broken), str(ADMISSION), code=1))
    assert [line["ok"] for line in found] == [False, True]
    assert found[0]["issues"][0]["code"] == "unsupported-message"  # type: ignore[index]
    assert found[0]["issues"][0]["path"].startswith("MSH-9")  # type: ignore[index]


def test_a_file_of_rows_previews_row_by_row_with_parents_found_in_it(cli: Cli, tmp_path: Path) -> None:
    folder = ROOT / "mappings/packs/mhsds/samples"
    rows = [json.loads((folder / name / "message.json").read_bytes()) for name in ("mhs001-person", "mhs101-received")]
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows))
    found = lines(cli.run("preview", str(file)))
    assert [(line["index"], line["event"]) for line in found] == [(0, "patient-updated-1"), (1, "referral-received-1")]


def test_standard_input_is_a_file_too(cli: Cli) -> None:
    assert lines(cli.run("preview", "-", input=ADMISSION.read_bytes()))[0]["file"] == "-"


def test_an_unknown_pack_exits_3_and_names_those_there_are(cli: Cli) -> None:
    assert "hl7v2" in cli.both("preview", str(ADMISSION), "--pack", "hl7v22", code=3)[1]


@pytest.mark.corpus
def test_real_messages_never_end_in_a_fault_of_ours(cli: Cli) -> None:
    files = sorted(CORPUS.glob("hl7v2/*.hl7")) + sorted(CORPUS.glob("bars/*.json"))
    if not files:
        pytest.skip(f"no real messages: CAREHUB_CORPUS or {CORPUS}")
    found = lines(cli.run("preview", *map(str, files), code=1))
    assert len({line["file"] for line in found}) == len(files)
    codes = {line["issues"][0]["code"] for line in found if not line["ok"]}  # type: ignore[index]
    assert codes <= {"unsupported-message"}


def test_each_code_without_a_translation_is_told(cli: Cli) -> None:
    sample = ROOT / "mappings/packs/hl7v2-itk/samples/edge-unknown-codes"
    line = cli.json("preview", str(sample / "message.hl7"), "--pack", "hl7v2-itk")
    told = [issue["path"] for issue in line["issues"] if issue["code"] == "unmapped-code"]
    assert len(told) == 11
    assert "PID-16" in told


def test_packs_are_listed_and_shown(cli: Cli) -> None:
    names = [pack["pack"] for pack in cli.json("packs", "list")]
    assert {"hl7v2", "hl7v2-itk", "bars", "mhsds", "cld"} <= set(names)
    assert cli.json("packs", "show", "hl7v2-itk")["extends"] == "hl7v2 1.x"
    assert "there is no pack hl7v3" in cli.both("packs", "show", "hl7v3", code=1)[1]


def test_a_local_pack_with_a_mistake_is_named_by_lint_and_leaves_the_others_alone(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "packs" / "wards"
    (local / "messages").mkdir(parents=True)
    (local / "pack.yaml").write_text('pack: wards\nversion: "1.0.0"\nlanguage: 1\nformat: csv\n')
    (local / "messages" / "Stay.yaml").write_text("message: Stay\nevent: ward-stay-started-1\nresuorces: {}\n")
    monkeypatch.setenv("CAREHUB_PACKS", str(tmp_path / "packs"))
    out, _ = cli.both("packs", "lint", "wards", code=1)
    assert "wards/messages/Stay.yaml:" in out
    cli.run("packs", "lint", "cld")
    assert lines(cli.run("preview", str(ADMISSION)))[0]["ok"]


def test_samples_are_tried_by_command(cli: Cli) -> None:
    tried = cli.json("packs", "test", "cld")
    assert tried["ok"]
    assert {sample["pack"] for sample in tried["samples"]} == {"cld"}


def test_accepting_a_sample_shows_the_difference_and_writes_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = tmp_path / "packs" / "cld"
    shutil.copytree(ROOT / "mappings/packs/cld", pack)
    golden = pack / "samples" / "request" / "expected.json"
    sound = golden.read_text()
    golden.write_text(sound.replace("care-request-received-1", "care-request-lost-1", 1))
    monkeypatch.setenv("CAREHUB_PACKS", str(tmp_path / "packs"))
    assert "care-request-lost-1" in cli.run("packs", "test", "cld", code=1)
    assert "care-request-lost-1" in cli.run("packs", "test", "cld", "--accept")
    assert golden.read_text() == sound
