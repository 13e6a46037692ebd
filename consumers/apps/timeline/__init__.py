"""What happened to a person, across sectors, in order: one row per person and event."""

from consumers.app import App
from consumers.apps.timeline.rows import apply

app = App("timeline", apply)

__all__ = ["app"]
