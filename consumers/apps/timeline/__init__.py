"""What happened to a person, across sectors, in order: one row per person and event."""

from consumers.app import App
from consumers.apps.timeline.rows import apply, apply_all

app = App("timeline", apply, apply_all=apply_all)

__all__ = ["app"]
