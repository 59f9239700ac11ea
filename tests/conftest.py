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


# Files that take minutes, begun first, so that workers end together. Two of them begin at the same
# time: the first needs none of what numba compiles for the second, which then is there for all others.
FIRST = (
    "physics/test_thermostats.py",
    "analysis/test_pores_mixed.py",
    "exact/test_restart.py",
    "test_precursors.py",
    "exact/test_cluster.py",
    "workflows/test_notebooks.py",
    "exact/test_analyses.py",
    "physics/test_pressure.py",
    "physics/test_faults.py",
    "exact/test_faults.py",
    "slurm/test_real_slurm.py",
    "studies/test_local.py",
    "exact/test_decomposition.py",
    "exact/test_cores.py",
    "exact/test_replicas.py",
    "potentials/test_interface.py",
    "potentials/test_nep.py",
    "potentials/test_tersoff.py",
    "potentials/test_edip_loops.py",
    "test_run_folder.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first, each in its own order."""
    tests = Path(__file__).parent
    places = {tests / name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
