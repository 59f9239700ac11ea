"""Trajectories in other programs' formats, through ``carbonize export``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from carbonize.cli.app import main
from carbonize.io.trajectory import TrajectoryWriter, make_frame, set_coordination

CELL = np.array([[8.0, 0, 0], [-2.5, 9.0, 0], [1.5, 3.0, 10.0]])
FORMATS = {"extxyz": "extxyz", "xyz": "xyz", "cif": "cif", "vasp": "vasp", "lammps-data": "lammps-data"}


@pytest.fixture
def trajectory(tmp_path: Path) -> Path:
    path = tmp_path / "replica-000.gsd"
    writer = TrajectoryWriter(path)
    for step in (0, 100, 200):
        positions = np.random.default_rng(step).uniform(0.1, 0.9, (6, 3)) @ CELL
        scalars = {"time_ps": step / 2000, "temperature_K": 300.0 + step, "target_K": 300.0}
        frame = make_frame(positions, CELL, ["C"] * 6, np.full(6, 12.011), step, scalars)
        set_coordination(frame, np.arange(6))
        writer.append(frame)
    writer.close()
    return path


def export(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["carbonize", "export", *(str(a) for a in arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0


def test_extxyz_has_every_frame_with_step_temperature_and_coordination(
    trajectory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(monkeypatch, trajectory, "--to", "extxyz")
    frames = read(trajectory.with_suffix(".extxyz"), ":")
    assert [int(f.info["step"]) for f in frames] == [0, 100, 200]
    np.testing.assert_allclose(frames[1].cell.array, CELL, atol=1e-5)
    assert frames[1].arrays["coordination"].tolist() == list(range(6))
    assert frames[1].info["temperature_K"] == 400.0
    assert frames[1].info["time_ps"] == 0.05


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_offered_format_can_be_read_again(
    trajectory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fmt: str
) -> None:
    target = tmp_path / "out.file"
    export(monkeypatch, trajectory, "--to", fmt, "--frame", "-1", "--out", target)
    kind = {"xyz": "extxyz"}.get(fmt, fmt)
    atoms = read(target, format=kind)
    assert len(atoms) == 6
    distances = atoms.get_all_distances(mic=fmt != "xyz")
    if fmt != "xyz":  # plain xyz has no cell
        original = read_last(trajectory).get_all_distances(mic=True)
        np.testing.assert_allclose(distances, original, atol=1e-3)


def read_last(path: Path):
    from carbonize.io.trajectory import TrajectoryReader

    return TrajectoryReader(path)[-1]
