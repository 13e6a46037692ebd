"""Where the real messages are, and the mark that skips a test, saying so, where they are missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.servers import REPOSITORY

CORPUS = Path(os.environ.get("CAREHUB_CORPUS") or REPOSITORY.parent / "shared" / "corpus").resolve()

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"no real messages under CAREHUB_CORPUS ({CORPUS}): see the README"
)
