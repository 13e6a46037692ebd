"""Secrets: made once, tight, never defaulted, and the same for all gateways of one database."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from carehub.secrets import NAMES, load_or_make_secrets, load_secrets, secret_files
from carehub.settings import Settings
from contract.errors import Misconfigured


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", secrets=tmp_path / "secrets")


def test_the_first_start_makes_three_different_secrets_that_only_their_owner_can_read(settings: Settings) -> None:
    made = load_or_make_secrets(settings, {})
    assert len({made.id_key, made.person_secret, made.message_key}) == 3
    assert all(len(key) == 32 for key in (made.id_key, made.person_secret, made.message_key))
    folder = settings.secrets_folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(f.name for f in folder.iterdir()) == sorted(NAMES)
    assert {stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()} == {0o600}


def test_later_starts_find_the_same_secrets(settings: Settings) -> None:
    made = load_or_make_secrets(settings, {})
    assert load_or_make_secrets(settings, made.fingerprints()) == made
    assert load_secrets(settings) == made


def test_a_secret_that_others_can_read_is_refused(settings: Settings) -> None:
    load_or_make_secrets(settings, {})
    path = secret_files(settings)["person-secret"]
    path.chmod(0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        load_secrets(settings)


def test_a_damaged_secret_is_refused_and_not_quoted(settings: Settings) -> None:
    load_or_make_secrets(settings, {})
    path = secret_files(settings)["id-key"]
    path.write_text("abcdef123")
    with pytest.raises(Misconfigured, match="64 hexadecimal digits") as refused:
        load_secrets(settings)
    assert "abcdef123" not in str(refused.value)


def test_a_database_in_use_never_gets_new_secrets(settings: Settings, tmp_path: Path) -> None:
    recorded = load_or_make_secrets(settings, {}).fingerprints()
    elsewhere = Settings(data=tmp_path / "second", secrets=tmp_path / "second" / "secrets")
    with pytest.raises(Misconfigured, match="Copy them from the gateway that made them"):
        load_or_make_secrets(elsewhere, recorded)
    assert not elsewhere.secrets_folder.exists()


def test_a_gateway_with_other_secrets_does_not_start_on_this_database(settings: Settings, tmp_path: Path) -> None:
    recorded = load_or_make_secrets(settings, {}).fingerprints()
    elsewhere = Settings(data=tmp_path / "second", secrets=tmp_path / "second" / "secrets")
    load_or_make_secrets(elsewhere, {})
    with pytest.raises(Misconfigured, match="id-key and person-secret and message-key"):
        load_or_make_secrets(elsewhere, recorded)


def test_a_secret_can_come_from_a_file_that_the_environment_names(settings: Settings, tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    mounted.write_text("ab" * 32 + "\n")
    mounted.chmod(0o400)
    with_file = settings.model_copy(update={"person_secret_file": mounted})
    assert load_or_make_secrets(with_file, {}).person_secret == b"\xab" * 32
    assert not (settings.secrets_folder / "person-secret").exists()


def test_secrets_do_not_show_in_a_traceback(settings: Settings) -> None:
    made = load_or_make_secrets(settings, {})
    assert made.id_key.hex()[:8] not in repr(made)
    assert repr(made) == "Secrets(…)"


def test_fingerprints_tell_secrets_apart_without_telling_them(settings: Settings) -> None:
    made = load_or_make_secrets(settings, {})
    marks = made.fingerprints()
    assert len(set(marks.values())) == 3
    assert all(mark not in key.hex() for mark in marks.values() for key in (made.id_key, made.person_secret))
