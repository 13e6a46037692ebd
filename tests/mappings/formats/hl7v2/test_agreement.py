"""The lazy parser beside the `hl7` library: the same segments and the same raw fields."""

from __future__ import annotations

from pathlib import Path

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.formats.hl7v2.decode import decode_hl7v2
from mappings.formats.hl7v2.message import Message
from tests.mappings.formats.corpus import CORPUS, needs_corpus

FILES = sorted((CORPUS / "hl7v2").glob("*.hl7"))


def agree(message: Message, text: str) -> None:
    theirs = hl7.parse(text)
    assert [segment.name for segment in message.segments] == [str(segment[0]) for segment in theirs]
    for ours, other in zip(message.segments, theirs, strict=True):
        assert [ours.field(n) for n in range(1, len(ours) + 1)] == [str(other[n]) for n in range(1, len(other))]
        for n in range(3, len(ours) + 1):
            if ours.field(n):
                assert ours.repetitions(n) == [str(repetition) for repetition in other[n]]


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


field = st.text(alphabet="Aa1 .-é^&~\\", max_size=12)
line = st.tuples(st.sampled_from(["PID", "PV1", "OBX", "NK1", "ZU1", "DG1"]), st.lists(field, max_size=8)).map(
    lambda parts: "|".join([parts[0], *parts[1], "end"])
)


@given(st.lists(line, max_size=6))
def test_generated_messages_are_read_as_the_library_reads_them(lines: list[str]) -> None:
    text = "\r".join(["MSH|^~\\&|A|B|C|D|2020||ADT^A01|1|P|2.4", *lines])
    agree(decode_hl7v2(text.encode()).tree, text)
