from __future__ import annotations

import time

import pytest

from contract.errors import Undecodable
from mappings.formats.hl7v2.batch import is_batch, split_messages
from mappings.formats.hl7v2.decode import decode_hl7v2


def message(number: int) -> bytes:
    return f"MSH|^~\\&|A|B|C|D|2020||ADT^A01|{number}|P|2.4\rPID|1||{number}|MSH|FTS\r".encode()


def ids(body: bytes) -> list[str | None]:
    return [decode_hl7v2(part).message_id for part in split_messages(body)]


THREE = ["ADT^A01^1", "ADT^A01^2", "ADT^A01^3"]


@pytest.mark.parametrize(
    "body",
    [
        message(1) + message(2) + message(3),
        message(1) + b"\r\n" + message(2) + b"\n" + message(3),
        b"\xef\xbb\xbf" + message(1) + b"\xef\xbb\xbf" + message(2) + message(3),
        b"FHS|^~\\&|A\rBHS|^~\\&|A\r"
        + message(1)
        + message(2)
        + b"BTS|2\rBHS|^~\\&|A\r"
        + message(3)
        + b"BTS|1\rFTS|2",
        b"BHS|^~\\&|A\n" + message(1) + message(2) + message(3),
        b"".join(b"\x0b" + message(n) + b"\x1c\r" for n in (1, 2, 3)),
    ],
    ids=["several", "blank lines", "marks", "file", "unclosed batch", "frames"],
)
def test_every_message_of_a_body_is_found(body: bytes) -> None:
    assert is_batch(body)
    assert ids(body) == THREE


def test_a_single_message_is_no_batch_whatever_its_fields_hold() -> None:
    assert not is_batch(message(1))
    assert not is_batch(b"\x0b" + message(1).replace(b"\r", b"\n") + b"\x1c\r")
    assert list(split_messages(message(1))) == [message(1)]


@pytest.mark.parametrize(("body", "path"), [(b"FHS|^~\\&|A\rFTS|0\r", "MSH"), (b"junk\r" + message(1), "line 1")])
def test_a_batch_without_messages_or_with_a_false_start_is_refused(body: bytes, path: str) -> None:
    with pytest.raises(Undecodable) as refused:
        list(split_messages(body))
    assert refused.value.issues[0].path == path


@pytest.mark.parametrize("blanks", [b"\x0b", b"\x0b ", b"\r\x0b\t"])
def test_a_body_of_blanks_takes_no_longer_than_another(blanks: bytes) -> None:
    body = blanks * 100_000
    begun = time.process_time()
    assert not is_batch(body)
    assert not is_batch(body + message(1))
    assert is_batch(body + message(1) + body + message(2))
    assert time.process_time() - begun < 2
