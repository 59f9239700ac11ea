"""Minimisation as a stage of a schedule: first, in the middle, and last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

import carbonize
from carbonize.io.checkpoint import read_newest_checkpoint

TOLERANCE_EV_A = 0.02


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("minimize")
    atoms = bulk("C", "diamond", a=3.6, cubic=True).repeat(2)
    atoms.rattle(0.15, seed=3)
    write(folder / "x.extxyz", atoms)
    minimize = {"kind": "minimize", "force_tolerance_eV_A": TOLERANCE_EV_A}
    hold = {"kind": "hold", "temperature_K": 900, "duration_ps": 0.02}
    protocol = {
        "name": "relaxed",
        "structure": {"kind": "file", "path": str(folder / "x.extxyz")},
        "potential": {"kind": "tersoff", "parameters": "tersoff-1989"},
        "dynamics": {"replicas": 2, "thermostat": {"kind": "csvr"}},
        "schedule": [minimize, hold, minimize, hold, minimize],
        "output": {"frame_every_ps": 0.01, "analysis_every_ps": 0.1},
    }
    return carbonize.run(protocol, folder / "run", report=False)


def test_every_minimisation_converges(run: Any) -> None:
    events = [json.loads(line) for line in run.paths.events.read_text().splitlines()]
    done = [e for e in events if e["event"] == "minimized"]
    assert [e["step"] for e in done] == [1, 1, 42, 42, 83, 83]
    assert max(e["max_force_eV_A"] for e in done) <= TOLERANCE_EV_A
    # all of them find the crystal again
    energies = np.array([e["potential_eV"] for e in done])
    np.testing.assert_allclose(energies, energies[0], atol=5e-3)
    assert run.manifest["status"] == "finished"


def test_the_energy_seen_after_a_minimisation_is_that_of_the_minimum(run: Any) -> None:
    events = [json.loads(line) for line in run.paths.events.read_text().splitlines()]
    last = [e["potential_eV"] for e in events if e["event"] == "minimized"][-2:]
    rows = [json.loads(line) for line in run.paths.series.read_text().splitlines()]
    end = [r for r in rows if r["step"] == 83]
    assert len(end) == 2
    for row, energy in zip(end, last, strict=True):
        found = row.get("potential_eV", row.get("potential_eV_per_atom", np.nan) * 64)
        assert found == pytest.approx(energy, abs=1e-6)


def test_momenta_after_a_minimisation_are_those_of_what_follows(run: Any) -> None:
    rows = [json.loads(line) for line in run.paths.series.read_text().splitlines()]
    for step in (1, 42):
        kelvin = np.array([r["temperature_K"] for r in rows if r["step"] == step])
        assert len(kelvin) == 2
        assert kelvin[0] != kelvin[1]
        assert np.abs(kelvin - 900.0).max() < 5 * 900.0 * np.sqrt(2 / 189)
    # after the last stage nothing moves any more
    checkpoint = read_newest_checkpoint(run.paths.checkpoints)
    assert checkpoint is not None
    assert checkpoint.step == 83
    assert not np.any(checkpoint.momenta)
