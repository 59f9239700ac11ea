"""A run whose dynamics breaks down says so, and keeps what was good."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write

import carbonize
from carbonize.errors import SimulationError


def test_a_far_too_long_time_step_fails_with_a_sentence(tmp_path: Path) -> None:
    atoms = bulk("C", "diamond", a=3.7, cubic=True).repeat(2)
    atoms.rattle(0.1, seed=3)
    write(tmp_path / "x.extxyz", atoms)
    protocol = {
        "name": "wild",
        "structure": {"kind": "file", "path": str(tmp_path / "x.extxyz")},
        "potential": {"kind": "tersoff", "parameters": "tersoff-1989"},
        "dynamics": {"timestep_fs": 50},
        "schedule": [{"kind": "hold", "temperature_K": 3000, "duration_ps": 50}],
    }
    with pytest.raises(SimulationError, match=r"replica 0.*step.*timestep_fs.*checkpoint") as failed:
        carbonize.run(protocol, tmp_path / "run", report=False)
    assert failed.value.exit_code == 3
    assert len(str(failed.value).splitlines()) == 1
    run = carbonize.load_run(tmp_path / "run")
    assert run.manifest["status"] == "failed"
    assert "failed" in run.paths.events.read_text()
    assert run.series["temperature_K"].notnull().all()
