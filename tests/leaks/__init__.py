"""Personal data never leaks: every door, address, refusal and command is driven with marked data, then everything that
is not content by design is searched for the marks (marks, messages, drive, channels); and leaks planted on purpose are
found in each of these places (planted)."""
