from pathlib import Path

import pytest

from consumers.app import App
from consumers.runtime.loading import load_app
from contract.errors import Misconfigured


def test_apps_that_come_along_are_known_by_name() -> None:
    assert load_app("timeline").name == "timeline"


def test_an_app_is_loaded_from_anywhere_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "from consumers.app import App\napp = App('region-beds', apply=lambda event, connection: None)\n"
    (tmp_path / "region_beds_app.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert load_app("region_beds_app").name == "region-beds"


def test_a_module_that_is_not_there_or_has_no_app_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "region_empty.py").write_text("")
    (tmp_path / "region_broken.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("no_such_region", "no_such_region.app", "region_empty"):
        with pytest.raises(Misconfigured, match=name.partition(".")[0]):
            load_app(name)
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        load_app("region_broken")


def test_an_app_says_what_it_subscribes_to() -> None:
    with pytest.raises(ValueError, match="pattern"):
        App("beds", lambda event, connection: None, topics="care.qvv.acute.v1")
    with pytest.raises(ValueError, match="name"):
        App("Beds & more", lambda event, connection: None)
