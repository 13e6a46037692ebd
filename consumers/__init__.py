"""What a region does with the events: a runtime that delivers each effectively once, and apps that use it."""
