"""The whole HTTP surface of a real gateway, driven by schemathesis from the gateway's own description of itself.

What is described is what happens: statuses, content types, headers and bodies; no answer is a 5xx, none takes long, and
the gateway is neither gone nor much larger afterwards.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fuzz.surface import Surface, gateway

EXAMPLES = os.environ.get("CAREHUB_HTTP_EXAMPLES", "20")
"""Made at random for each address and credential, beside the cases that cover its description."""
SLOWEST_SECONDS = 20
MOST_GROWN_MIB = 200
NOT_ASKED = "negative_data_rejection,positive_data_acceptance,missing_required_header,use_after_free"
"""No body is right or wrong by its schema, which allows any bytes; no header is required, and nothing is deleted."""


@pytest.fixture(scope="module")
def surface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surface]:
    with gateway(tmp_path_factory.mktemp("surface")) as running:
        yield running


@pytest.mark.parametrize("who", ["sender", "operator", "nobody"])
def test_what_the_gateway_says_of_itself_is_what_it_does(surface: Surface, tmp_path: Path, who: str) -> None:
    before = surface.resident_mib()

    code, said = schemathesis(surface, who, tmp_path, f"{surface.address}/openapi.json")

    assert code == 0, said
    generated = re.search(r"(\d+) generated", said)
    assert generated, said
    assert int(generated[1]) > 100
    assert surface.resident_mib() - before < MOST_GROWN_MIB


def test_a_description_that_says_less_than_happens_is_found_out(surface: Surface, tmp_path: Path) -> None:
    document = httpx.get(f"{surface.address}/openapi.json").json()
    del document["paths"]["/messages/{id}"]["get"]["responses"]["404"]
    written = tmp_path / "openapi.json"
    written.write_text(json.dumps(document))

    code, said = schemathesis(
        surface, "sender", tmp_path, str(written), "--url", surface.address, "--include-path", "/messages/{id}"
    )

    assert code == 1, said
    assert "Undocumented status code" in said


def schemathesis(surface: Surface, who: str, folder: Path, *described: str) -> tuple[int, str]:
    """Its exit code, 0 when no check failed, and all it said. It keeps what it likes in `folder`."""
    options = {
        "--header": f"Authorization: Bearer {surface.keys[who]}",
        "--checks": "all",
        "--exclude-checks": NOT_ASKED,
        "--phases": "examples,coverage,fuzzing",
        "--max-examples": EXAMPLES,
        "--max-response-time": str(SLOWEST_SECONDS),
        "--request-timeout": str(SLOWEST_SECONDS),
        "--warnings": "off",
        "--seed": "1",
    }
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        *described,
        "--continue-on-failure",
    ]
    done = subprocess.run(
        [*command, *(word for option in options.items() for word in option)],
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.fuzz.bodies",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "NO_COLOR": "1",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr
