"""GSD trajectories: what is written can be read again, by us and by OVITO."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.geometry import get_distances

from carbonize.errors import CarbonizeError, InputError
from carbonize.io.frames import read_frames
from carbonize.io.gsd_frames import atoms_from_gsd
from carbonize.io.trajectory import (
    TrajectoryReader,
    TrajectoryWriter,
    make_frame,
    set_coordination,
)

CUBIC = np.diag([9.0, 9.0, 9.0])
TRICLINIC = np.array([[8.0, 0, 0], [-2.5, 9.0, 0], [1.5, 3.0, 10.0]])


def carbons(cell: np.ndarray, atoms: int = 20, spread: float = 3.0) -> np.ndarray:
    """Positions in and around the cell: an engine wraps only now and then."""
    return np.random.default_rng(3).uniform(-spread, 1 + spread, (atoms, 3)) @ cell


def frame_of(positions: np.ndarray, cell: np.ndarray, step: int = 7):
    scalars = {"time_ps": step * 5e-4, "temperature_K": 301.5, "target_K": 300.0}
    frame = make_frame(
        positions, cell, ["C"] * len(positions), np.full(len(positions), 12.011), step, scalars
    )
    set_coordination(frame, np.arange(len(positions)) % 5)
    return frame


def write_steps(path: Path, steps: list[int], resume_at: int | None = None, cell: np.ndarray = CUBIC) -> None:
    writer = TrajectoryWriter(path, resume_at)
    for step in steps:
        writer.append(frame_of(carbons(cell) + 0.01 * step, cell, step))
    writer.close()


def steps_of(path: Path) -> list[int]:
    return [atoms.info["step"] for atoms in TrajectoryReader(path)]


def same_places(a: np.ndarray, b: np.ndarray, cell: np.ndarray) -> float:
    """Largest distance between two sets of positions, images aside."""
    away = np.linalg.solve(cell.T, (np.asarray(a) - np.asarray(b)).T).T
    return float(np.abs((away - np.round(away)) @ cell).max())


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_a_frame_holds_the_atoms_the_cell_and_the_scalars(cell: np.ndarray) -> None:
    positions = carbons(cell)
    atoms = atoms_from_gsd(frame_of(positions, cell))
    assert atoms.get_chemical_symbols() == ["C"] * 20
    assert atoms.pbc.all()
    np.testing.assert_allclose(atoms.cell.array, cell, atol=1e-12)
    assert same_places(atoms.positions, positions, cell) < 2e-6
    assert atoms.info == {"step": 7, "time_ps": 0.0035, "temperature_K": 301.5, "target_K": 300.0}
    assert atoms.arrays["coordination"].tolist() == [k % 5 for k in range(20)]


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_a_file_gives_back_the_frames_to_single_precision(tmp_path: Path, cell: np.ndarray) -> None:
    path = tmp_path / "replica-000.gsd"
    write_steps(path, [0, 10, 20], cell=cell)
    reader = TrajectoryReader(path)
    assert len(reader) == 3
    assert steps_of(path) == [0, 10, 20]
    np.testing.assert_allclose(reader[1].cell.array, cell, rtol=1e-6, atol=1e-6)
    assert same_places(reader[1].positions, carbons(cell) + 0.1, cell) < 2e-6


def test_the_frame_that_is_analysed_is_the_frame_that_is_written(tmp_path: Path) -> None:
    frame = frame_of(carbons(CUBIC), CUBIC)
    path = tmp_path / "a.gsd"
    writer = TrajectoryWriter(path)
    writer.append(frame)
    writer.close()
    [atoms] = TrajectoryReader(path)
    assert np.array_equal(atoms.positions, atoms_from_gsd(frame).positions)


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_the_reader_of_foreign_files_sees_the_same_frames(tmp_path: Path, cell: np.ndarray) -> None:
    path = tmp_path / "a.gsd"
    write_steps(path, [0, 10], cell=cell)
    for ours, (_, theirs) in zip(TrajectoryReader(path), read_frames(path), strict=True):
        np.testing.assert_allclose(theirs.positions, ours.positions, atol=1e-12)
        np.testing.assert_allclose(theirs.cell.array, ours.cell.array, atol=1e-12)
        assert theirs.info["step"] == ours.info["step"]
        assert theirs.arrays["coordination"].tolist() == ours.arrays["coordination"].tolist()


@pytest.mark.skipif(importlib.util.find_spec("ovito") is None, reason="OVITO is not installed")
def test_ovito_opens_the_file_with_coordination_step_and_temperature(tmp_path: Path) -> None:
    path = tmp_path / "a.gsd"
    write_steps(path, [0, 10], cell=TRICLINIC)
    # in a process of its own: OVITO brings its own Qt and threads
    code = f"""
import numpy as np
from ovito.io import import_file
pipeline = import_file({str(path)!r})
data = pipeline.compute(1)
print(pipeline.source.num_frames, data.particles.count, sorted(data.particles.keys()))
print(int(data.attributes["Timestep"]), float(np.ravel(data.attributes["carbonize/temperature_K"])[0]))
np.save({str(tmp_path / "p.npy")!r}, np.array(data.particles.positions))
np.save({str(tmp_path / "c.npy")!r}, np.array(data.cell[...]))
np.save({str(tmp_path / "n.npy")!r}, np.array(data.particles["coordination"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[:2]
    assert first.startswith("2 20 ")
    assert second == "10 301.5"
    ours = TrajectoryReader(path)[1]
    cell = np.load(tmp_path / "c.npy")
    np.testing.assert_allclose(cell[:, :3].T, ours.cell.array, atol=1e-5)
    assert same_places(np.load(tmp_path / "p.npy") - cell[:, 3], ours.positions, ours.cell.array) < 1e-5
    assert np.load(tmp_path / "n.npy").tolist() == ours.arrays["coordination"].tolist()


def test_frames_can_be_taken_by_number_slice_and_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.gsd"
    write_steps(path, [0, 10, 20, 30])
    reader = TrajectoryReader(path)
    assert reader[-1].info["step"] == 30
    assert [a.info["step"] for a in reader[1:3]] == [10, 20]
    with pytest.raises(IndexError):
        reader[4]


def test_a_continued_file_has_no_lost_and_no_doubled_frames(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.gsd", tmp_path / "whole.gsd"
    write_steps(whole, [0, 10, 20, 30, 40])
    write_steps(path, [0, 10, 20, 30])  # the checkpoint was at 20: frame 30 is to be dropped
    write_steps(path, [30, 40], resume_at=20)
    assert steps_of(path) == steps_of(whole)
    for a, b in zip(TrajectoryReader(path), TrajectoryReader(whole), strict=True):
        assert np.array_equal(a.positions, b.positions)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_continuing_where_nothing_is_to_be_dropped_only_appends(tmp_path: Path) -> None:
    path = tmp_path / "a.gsd"
    write_steps(path, [0, 10])
    write_steps(path, [20], resume_at=10)
    assert steps_of(path) == [0, 10, 20]


def test_a_new_writer_starts_the_file_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.gsd"
    write_steps(path, [0, 10])
    write_steps(path, [0])
    assert steps_of(path) == [0]


def test_a_frame_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "a.gsd"
    writer = TrajectoryWriter(path)
    writer.append(frame_of(carbons(CUBIC), CUBIC, 5))
    assert steps_of(path) == [5]  # the writer is still open
    writer.close()


WRITER = """
import sys
from pathlib import Path
import numpy as np
from carbonize.io.trajectory import TrajectoryWriter, make_frame
writer = TrajectoryWriter(Path(sys.argv[1]))
print("begun", flush=True)
for step in range(150):
    writer.append(make_frame(np.full((1, 3), 0.02 * step), 9 * np.eye(3), ["C"], np.ones(1), step, {"time_ps": 1.0}))
writer.close()
"""


def test_a_trajectory_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.gsd"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "begun\n"
    lengths = set()
    while writer.poll() is None:
        reader = TrajectoryReader(path)
        if len(reader):
            assert reader[-1].info["step"] == len(reader) - 1
        lengths.add(len(reader))
    writer.stdout.close()
    assert writer.returncode == 0
    assert len(lengths) > 5
    assert len(TrajectoryReader(path)) == 150


def test_distances_survive_the_change_of_origin(tmp_path: Path) -> None:
    positions = carbons(TRICLINIC, spread=0.0)
    atoms = atoms_from_gsd(frame_of(positions, TRICLINIC))
    before = get_distances(positions, cell=TRICLINIC, pbc=True)[1]
    after = get_distances(atoms.positions, cell=atoms.cell, pbc=True)[1]
    np.testing.assert_allclose(after, before, atol=5e-6)


def test_several_elements_keep_their_order() -> None:
    symbols = ["C", "H", "C", "O"]
    frame = make_frame(np.zeros((4, 3)) + np.arange(4)[:, None], CUBIC, symbols, np.ones(4), 0, {})
    assert atoms_from_gsd(frame).get_chemical_symbols() == symbols
    assert isinstance(atoms_from_gsd(frame), Atoms)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such trajectory"):
        len(TrajectoryReader(tmp_path / "none.gsd"))
    broken = tmp_path / "broken.gsd"
    broken.write_bytes(b"not a trajectory")
    with pytest.raises(InputError, match="not a readable GSD file"):
        len(TrajectoryReader(broken))
    with pytest.raises(CarbonizeError, match="cannot be written"):
        TrajectoryWriter(broken / "below.gsd")
