"""The lazy parser beside the `hl7` library: the same segments and the same raw fields."""

from __future__ import annotations

from pathlib import Path
from random import Random

import hl7
import pytest

from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.formats.hl7v2.delimiters import Delimiters, component, subcomponent
from mappings.formats.hl7v2.message import Message
from tests.corpus import CORPUS, needs_corpus

FILES = sorted((CORPUS / "hl7v2").glob("*.hl7"))


def agree(message: Message, text: str) -> None:
    theirs = hl7.parse(text)
    assert [segment.name for segment in message.segments] == [str(segment[0]) for segment in theirs]
    for ours, other in zip(message.segments, theirs, strict=True):
        assert [ours.field(n) for n in range(1, len(ours) + 1)] == [str(other[n]) for n in range(1, len(other))]
        for n in range(3, len(ours) + 1):
            if ours.field(n):
                assert ours.repetitions(n) == [str(repetition) for repetition in other[n]]
                for raw, repetition in zip(ours.repetitions(n), other[n], strict=True):
                    agree_on_parts(raw, repetition, message.delimiters)


def agree_on_parts(raw: str, theirs: hl7.Repetition | str, delimiters: Delimiters) -> None:
    """Components and subcomponents of one repetition; the library keeps what has no parts as text."""
    if isinstance(theirs, str):
        assert component(raw, 1, delimiters) == theirs
        return
    for c, part in enumerate(theirs, start=1):
        ours = component(raw, c, delimiters)
        assert ours == str(part)
        smaller = [part] if isinstance(part, str) else list(part)
        assert [subcomponent(ours, s, delimiters) for s in range(1, len(smaller) + 1)] == smaller


@needs_corpus
@pytest.mark.corpus
@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_real_messages_are_read_as_the_library_reads_them(file: Path) -> None:
    body = file.read_bytes()
    text = body.decode("utf-8-sig").replace("\r\n", "\r").replace("\n", "\r").strip()
    agree(decode_hl7v2(body.strip()).tree, text)


@needs_corpus
@pytest.mark.corpus
def test_there_are_63_real_messages() -> None:
    assert len(FILES) == 63


GENERATED = 10_000
NAMES = ("PID", "PV1", "OBX", "NK1", "ZU1", "DG1", "ORC", "OBR", "NTE")
LETTERS = "Aa1 .-é&^~"


def generated(random: Random) -> str:
    """A message of up to eight segments, with fields of every depth and delimiters that are not always the usual."""
    delimiters = "|^~\\&" if random.random() < 0.7 else "".join(random.sample("|^~\\&#@$!%*", 5))
    field, usual = delimiters[0], str.maketrans("^~&", delimiters[1] + delimiters[2] + delimiters[4])

    def line() -> str:
        texts = ("".join(random.choices(LETTERS, k=random.randrange(13))) for _ in range(random.randrange(9)))
        return field.join([random.choice(NAMES), *(text.translate(usual) for text in texts), "end"])

    header = field.join(["MSH", delimiters[1:], "A", "B", "C", "D", "2020", "", "ADT", "1", "P", "2.4"])
    return "\r".join([header, *(line() for _ in range(random.randrange(8)))])


def test_ten_thousand_generated_messages_are_read_as_the_library_reads_them() -> None:
    random = Random(20261125)
    for _ in range(GENERATED):
        text = generated(random)
        message = decode_hl7v2(text.encode()).tree
        agree(message, text)
