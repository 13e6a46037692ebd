"""MLLP framing, however TCP cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mllp.framing import Frame, Framer, NotMllp, enframed

MESSAGE = b"MSH|^~\\&|A|B|||20250101||ADT^A01|1|P|2.4\rPID|1\r"


def frames_of(*reads: bytes, limit: int = 10_000) -> list[Frame]:
    framer = Framer(limit)
    return [frame for read in reads for frame in framer.feed(read)]


@given(
    st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\x1c", b"").replace(b"\x0bMSH", b"")), max_size=5),
    st.data(),
)
def test_frames_are_the_same_however_the_stream_is_cut(messages: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(enframed(message) for message in messages)
    reads, start = [], 0
    while start < len(stream):
        size = data.draw(st.integers(1, 17))
        reads.append(stream[start : start + size])
        start += size
    assert [frame.content for frame in frames_of(*reads)] == messages


@pytest.mark.parametrize(
    "stream",
    [
        b"\x0b" + MESSAGE + b"\x1c",
        b"\x0b" + MESSAGE + b"\x1c\n",
        b"\r\n\x0b" + MESSAGE + b"\x1c\r\r\n",
        b"noise\x0b" + MESSAGE + b"\x1c\r",
    ],
    ids=["no carriage return", "line feed instead", "line ends around", "noise before"],
)
def test_real_senders_framing_is_tolerated(stream: bytes) -> None:
    assert frames_of(stream) == [Frame(MESSAGE)]


def test_a_frame_ends_at_its_end_block_without_waiting_for_more() -> None:
    framer = Framer(1000)
    assert framer.feed(b"\x0bMSH|\x1c") == [Frame(b"MSH|")]
    assert framer.feed(b"\r\x0bMSH|2\x1c\r") == [Frame(b"MSH|2")]


def test_a_vertical_tab_inside_a_message_is_text() -> None:
    text = MESSAGE + b"OBX|1|TX|||line one\x0bline two\r"
    assert frames_of(enframed(text)) == [Frame(text)]


def test_a_frame_begun_anew_replaces_the_torn_one() -> None:
    assert frames_of(b"\x0bMSH|torn", b" in the middle" + enframed(MESSAGE)) == [Frame(MESSAGE)]


def test_an_oversized_frame_keeps_only_its_beginning_and_the_next_one_is_whole() -> None:
    big = b"MSH|" + b"x" * 20_000
    frames = frames_of(enframed(big) + enframed(MESSAGE))
    assert frames[0].oversized
    assert frames[0].content == big[:4096]
    assert frames[1] == Frame(MESSAGE)


def test_a_frame_without_end_is_given_up_and_never_held() -> None:
    framer = Framer(10_000)
    framer.feed(b"\x0b")
    for _ in range(40):
        framer.feed(b"x" * 1000)
        assert framer.held <= 10_000
    with pytest.raises(NotMllp):
        framer.feed(b"x" * 1000)


def test_a_peer_that_speaks_something_else_is_given_up() -> None:
    with pytest.raises(NotMllp):
        frames_of(b"GET / HTTP/1.1\r\n" * 100)
