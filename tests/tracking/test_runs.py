"""A run follows its pores at its end, and is none the worse if that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from ase.io import write

import carbonize
from carbonize.errors import InputError

PROTOCOL = """
name: tiny
structure: {kind: file, path: start.extxyz}
potential: {kind: tersoff, parameters: tersoff-1989}
dynamics: {timestep_fs: 0.5, precision: float32, seed: 2}
schedule: [{kind: hold, temperature_K: 500, duration_ps: 0.05}]
output: {frame_every_ps: 0.01, analysis_every_ps: 0.05}
"""


def protocol(folder: Path) -> Path:
    atoms = bulk("C", "diamond", a=5.2, cubic=True).repeat(2)
    atoms.rattle(0.1, seed=3)
    write(folder / "start.extxyz", atoms)
    (folder / "p.yaml").write_text(PROTOCOL)
    return folder / "p.yaml"


def test_a_run_follows_its_pores_through_all_frames(tmp_path: Path) -> None:
    run: Any = carbonize.run(protocol(tmp_path), tmp_path / "out", report=False)
    assert run.tracking["frames"] == 6
    assert run.tracking["settings"]["probes_A"] == run.protocol.analysis.probes_A
    assert run.manifest["timings"]["track_s"] > 0


def test_a_run_whose_pores_cannot_be_followed_is_finished_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise InputError("no certified tessellation")

    monkeypatch.setattr("carbonize.tracking.track.track_run", fails)
    run: Any = carbonize.run(protocol(tmp_path), tmp_path / "out", report=False)
    assert run.manifest["status"] == "finished" and run.tracking is None
    events = [json.loads(line) for line in run.paths.events.read_text().splitlines()]
    assert events[-1]["event"] == "tracking_failed" and "tessellation" in events[-1]["message"]
