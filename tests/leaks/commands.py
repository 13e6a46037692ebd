"""Drives every command, with marks in what it reads and in what is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import typer

from carehub.main import app
from tests.leaks.channels import Channel, Piece
from tests.leaks.drive import Driven
from tests.leaks.marks import FAMILY, NHS_NUMBER, TEXT, WORD
from tests.leaks.messages import broken, hl7, whole

ELSEWHERE: Final = {
    "gateway": "runs as a process of the site",
    "relay": "runs as a process of the site",
    "consume": "runs as a process of the site",
    "up": "is gateway and relay in one process: theirs are the lines that it logs",
    "broker": "runs Kafka, and reads nothing of ours",
    "demo": "shows its own made-up scenario, and takes nothing",
}
"""Commands that are not driven here, with the reason."""


def all_commands() -> set[str]:
    """Every command of the tree, by its words."""

    def leaves(command: Any, words: tuple[str, ...]) -> Iterator[str]:
        for name, each in getattr(command, "commands", {}).items():
            yield from leaves(each, (*words, name))
        if not hasattr(command, "commands"):
            yield " ".join(words)

    return set(leaves(typer.main.get_command(app), ()))


def drive_commands(driven: Driven, folder: Path) -> set[str]:
    """Returns the commands that were driven."""
    words: set[str] = set()
    known = all_commands()
    for arguments in _lines(driven, folder):
        result = driven.site.carehub(*arguments)
        command = next(c for c in (" ".join(arguments[:2]), arguments[0]) if c in known)
        words.add(command)
        typed = " (argument)" if any(mark in part for part in arguments for mark in (WORD, NHS_NUMBER)) else ""
        driven.pieces.append(Piece(Channel.OUTPUT, command, result.stdout.encode()))
        driven.pieces.append(Piece(Channel.ERRORS, command + typed, result.stderr.encode()))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise AssertionError(f"{arguments}: {result.exception!r}") from result.exception
    return words


def _lines(driven: Driven, folder: Path) -> Iterator[Sequence[str]]:
    for line in _on_the_hub(driven):
        yield line
        yield (*line, "--json")
    yield from _on_files(folder)
    yield from _on_packs(folder)
    for line in (("sources", "pause"), ("sources", "resume"), ("sources", "disable"), ("sources", "rotate")):
        yield (*line, "leaks-paused")
        yield (*line, WORD)
    yield "sources", "add", WORD, "--organisation", TEXT, "--sector", "acute", "--place", WORD, "--pack", WORD
    yield "operators", "add", "leaks-night", "--role", "viewer"
    yield "operators", "add", TEXT, "--role", "viewer"
    yield "operators", "disable", "leaks-night"
    yield "places", "add", "leaks-north"
    yield "places", "add", TEXT
    yield "places", "pin", "leaks-north", "cld", "1.0.0"
    yield "places", "pin", "leaks-north", WORD, WORD
    yield "places", "unpin", "leaks-north", "cld"


def _on_the_hub(driven: Driven) -> Iterator[Sequence[str]]:
    ids, topic = driven.ids, f"care.{driven.site.place}.acute.v1"
    for kind in ("messages", "events", "batches"):
        for id_ in (*ids[kind][-2:], WORD):
            yield kind, "show", id_
    for message_id in (f"ADT^A01^{FAMILY}{NHS_NUMBER}", TEXT):
        yield "messages", "find", "--source", "leaks-pas", message_id
    yield "deadletters", "list", "--status", "all", "--limit", "1000"
    yield "deadletters", "list", "--letters", "--limit", "1000"
    yield "deadletters", "list", "--source", WORD
    for letter in (ids["letters"][5], WORD):
        yield "deadletters", "show", letter
        yield "deadletters", "preview", letter
        yield "deadletters", "retry", letter
    for group in ids["groups"][:6]:
        yield "deadletters", "preview", group, "--limit", "3"
        yield "deadletters", "retry", group, "--limit", "3"
    yield "deadletters", "discard", ids["letters"][6], "--reason", "made up"
    yield "deadletters", "discard", WORD, "--reason", " "
    for line in ("status", "doctor", "migrate", "sources list", "operators list", "places list", "topics list"):
        yield tuple(line.split())
    yield "replay", "start", f"{driven.site.place}-again", "--source", "leaks-pas", "--reason", "made up"
    for verb in ("status", "stop", "resume", "drop"):
        yield "replay", verb, f"{driven.site.place}-again"
        yield "replay", verb, WORD
    yield "replay", "start", WORD, "--since", TEXT
    yield "remap", "--source", "leaks-mhsds", "--since", "2026-01-01T00:00:00Z"
    for line in ("retention show", "retention run --dry-run", "restore check", "restore reconcile", "size"):
        yield tuple(line.split())
    yield "restore", "check", "--since", TEXT
    yield "remap", "--source", WORD, "--since", TEXT
    yield "sources", "show", "leaks-pas"
    yield "sources", "show", WORD
    yield "places", "show", driven.site.place
    yield "topics", "show", topic
    yield "topics", "show", WORD
    yield "topics", "apply"
    yield ("consumers",)
    yield "tail", topic, "--from-start", "--count", "100"
    yield "tail", WORD, "--count", "1"


def _on_files(folder: Path) -> Iterator[Sequence[str]]:
    """Previews of every good and broken message, in files with plain names, and of one that is named after a person."""
    files = []
    for number, message in enumerate((*whole(), *broken())):
        files.append(folder / f"message-{number}")
        files[-1].write_bytes(message.body)
    named = folder / f"{FAMILY}.hl7"
    named.write_bytes(hl7())
    everything = [str(file) for file in files]
    yield "preview", "--json", *everything
    yield "preview", "--place", "leaks-nowhere", *everything[:2]
    yield "preview", "--pack", "hl7v2-itk", *everything[::6]
    yield "preview", str(named), str(folder / f"{WORD}.missing")
    yield "packs", "diff", "hl7v2-itk", "1.0.0", "1.0.0", "--messages", *everything[::6]


def _on_packs(folder: Path) -> Iterator[Sequence[str]]:
    """A local pack begun from a file of rows, and mistakes in it that could be quoted."""
    rows = folder / "rows.csv"
    rows.write_text(f"Name,Born\n{FAMILY},1931-07-23\n{TEXT.replace(',', ';')},\n")
    yield "packs", "new", "leaks-physio", "--format", "csv", "--from", str(rows), "--in", str(folder / "packs")
    records = folder / "rows.json"
    records.write_text(json.dumps([{"name": FAMILY, "note": TEXT}]))
    yield "packs", "new", "leaks-notes", "--format", "json", "--from", str(records), "--in", str(folder / "packs")
    yield "packs", "new-codes", "cld", WORD
    for line in ("list", "show cld", "lint mhsds", "test cld", "reload --wait 20", "fmt --check cld", "schema Patient"):
        yield ("packs", *line.split())
    for verb in ("show", "lint", "test", "coverage", "fmt", "schema"):
        yield "packs", verb, WORD
    yield "packs", "coverage", "cld"
