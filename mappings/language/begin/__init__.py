"""Beginnings: the files of a new pack, and of a new code list, that compile as they are and say what to fill in."""
