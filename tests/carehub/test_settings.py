"""Settings: one frozen object, every variable with a default, and complaints that name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from carehub.settings import Settings, read_settings, unknown_variables, variables
from contract.errors import Misconfigured


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


def test_without_any_variable_everything_is_in_the_data_folder() -> None:
    settings = read_settings()
    assert settings.on_sqlite
    assert settings.hub_database == f"sqlite:///{Path('.carehub/hub.sqlite').absolute()}"
    assert settings.secrets_folder == Path(".carehub/secrets")
    assert settings.consumers_database("timeline").endswith("/.carehub/timeline.sqlite")


def test_consumers_share_the_hubs_database_on_postgresql_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://carehub@db/hub")
    assert read_settings().consumers_database("timeline") == "postgresql://carehub@db/hub"
    monkeypatch.setenv("CAREHUB_CONSUMERS_DATABASE_URL", "postgresql://region@db/region")
    assert read_settings().consumers_database("timeline") == "postgresql://region@db/region"


def test_packs_are_a_search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAREHUB_PACKS", "/srv/local-packs:more")
    assert read_settings().packs == (Path("/srv/local-packs"), Path("more"))


def test_settings_cannot_change_after_the_start() -> None:
    with pytest.raises(ValidationError):
        Settings().data = Path("elsewhere")  # type: ignore[misc]


def test_a_wrong_value_names_its_variable_and_does_not_quote_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://root:hunter2@db/hub")
    monkeypatch.setenv("CAREHUB_QUEUE_LIMIT", "many")
    with pytest.raises(Misconfigured) as refused:
        read_settings()
    text = str(refused.value)
    assert "DATABASE_URL: write postgresql://" in text
    assert "CAREHUB_QUEUE_LIMIT" in text
    assert "hunter2" not in text


def test_every_variable_is_described() -> None:
    assert all(description for _, description in variables().values())
    assert {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "CAREHUB_DATA"} <= variables().keys()


def test_a_misspelt_variable_is_noticed_with_the_nearest_name() -> None:
    odd = unknown_variables({"CAREHUB_PAKCS": "x", "CAREHUB_DATA": "y", "CAREHUB_CORPUS": "z", "HOME": "/root"})
    assert odd == {"CAREHUB_PAKCS": "CAREHUB_PACKS"}
