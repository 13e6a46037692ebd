"""Finds an app by its name: one that comes along, or a module anywhere on the path."""

from __future__ import annotations

import importlib
import importlib.util

from consumers.app import App
from contract.errors import Misconfigured


def load_app(name: str) -> App:
    """The attribute `app` of `consumers.apps.NAME`, or of the module `NAME` where there is no such app.

    Raises Misconfigured when there is no such module, or when it has no App.
    """
    own = f"consumers.apps.{name.replace('-', '_')}"
    module_name = own if "." not in name and importlib.util.find_spec(own) else name
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as missing:
        if missing.name is None or not f"{module_name}.".startswith(f"{missing.name}."):
            raise  # the module is there; something that it imports is not
        raise Misconfigured(f"there is no app {name!r}: name one that comes along, or a module on PYTHONPATH") from None
    app = getattr(module, "app", None)
    if not isinstance(app, App):
        raise Misconfigured(f"module {module_name} has no `app` that is a consumers.app.App")
    return app
