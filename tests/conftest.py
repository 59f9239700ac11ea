"""Fixtures that any test may use."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

# Many tests compile the same programs: they share one cache, which commands started by tests
# inherit, and which is thrown away at the end.
_cache = tempfile.TemporaryDirectory(prefix="carbonize-xla-")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", _cache.name)
# Every core compiles a program of its own for its replicas; tests compile enough as it is, and two
# of them run at the same time.
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "1")
# the many small programs too: together they take a command's start seconds
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of reference data beside the repository; skips the test where there is none."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}")
    return folder
