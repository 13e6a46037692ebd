"""What a log may say about an exception."""

from __future__ import annotations

import sys

import pytest

from contract.errors import Misconfigured
from gateway.ops.faults import incident_of, without_exception_texts


def raised(fault: Exception) -> Exception:
    with pytest.raises(type(fault)) as caught:
        raise fault
    return caught.value


def test_an_incident_names_type_and_place_and_never_the_text() -> None:
    incident = incident_of(raised(ValueError("SMITH^JOHN 9434765919")))
    assert incident.fault == "ValueError"
    assert "test_faults.py:" in incident.where
    assert "SMITH" not in str(incident.as_fields())


def test_exception_texts_are_taken_out_of_any_log_line() -> None:
    fault = raised(KeyError("9434765919"))
    for info in (fault, (type(fault), fault, fault.__traceback__)):
        line = without_exception_texts(None, "error", {"event": "it broke", "exc_info": info})
        assert line["fault"] == "KeyError"
        assert "9434765919" not in str(line)
    try:
        raise fault
    except KeyError:
        line = without_exception_texts(None, "error", {"event": "it broke", "exc_info": True})
        assert sys.exc_info()[0] is not None
    assert line["fault"] == "KeyError"


def test_our_own_texts_are_kept() -> None:
    line = without_exception_texts(None, "error", {"exc_info": raised(Misconfigured("set DATABASE_URL"))})
    assert line["text"] == "set DATABASE_URL"
