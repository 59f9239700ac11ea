"""Reading structures and trajectories, and refusing broken ones in one line."""

from __future__ import annotations

from typing import Any

import gsd.hoomd
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.io import write

from carbonize.errors import InputError
from carbonize.io.frames import read_frames
from carbonize.io.validation import validate_atoms


@pytest.fixture
def movie(tmp_path):
    """Three frames of diamond under growing strain, as extxyz."""
    path = tmp_path / "movie.extxyz"
    write(path, [bulk("C", "diamond", a=3.5 + 0.1 * k, cubic=True) for k in range(3)])
    return path


def gsd_frame(step=0, box=(10, 11, 12, 0.1, -0.2, 0.3), dimensions=3):
    frame: Any = gsd.hoomd.Frame()
    frame.configuration.step = step
    frame.configuration.box = box
    frame.configuration.dimensions = dimensions
    frame.particles.N = 3
    frame.particles.types = ["C", "H"]
    frame.particles.typeid = [0, 1, 0]
    frame.particles.position = [[0, 0, 0], [1, 2, 3], [-1, 0, 2]]
    frame.log["carbonize/temperature_K"] = np.array([300.0 + step])
    frame.log["particles/coordination"] = np.array([2, 1, 0])
    return frame


@pytest.fixture
def trajectory(tmp_path):
    path = tmp_path / "run.gsd"
    with gsd.hoomd.open(str(path), "w") as file:
        for step in (0, 50, 100):
            file.append(gsd_frame(step))
    return path


def only(path, which: Any = "all"):
    return list(read_frames(path, which))


def test_all_frames_come_in_order_with_their_numbers(movie):
    frames = only(movie)
    assert [index for index, _ in frames] == [0, 1, 2]
    assert [atoms.cell.array[0, 0] for _, atoms in frames] == pytest.approx([3.5, 3.6, 3.7])


@pytest.mark.parametrize(("which", "index"), [(0, 0), (2, 2), (-1, 2), (-3, 0)])
def test_one_frame_is_found_from_either_end(movie, which, index):
    [(found, atoms)] = only(movie, which)
    assert found == index
    assert atoms.cell.array[0, 0] == pytest.approx(3.5 + 0.1 * index)


@pytest.mark.parametrize("which", [3, -4, 1000])
def test_a_frame_past_the_end_is_refused_with_the_number_of_frames(movie, which):
    with pytest.raises(InputError, match=f"no frame {which}; the file has 3"):
        only(movie, which)


def test_gsd_becomes_atoms_in_the_same_triclinic_cell(trajectory):
    frames = only(trajectory)
    assert [atoms.info["step"] for _, atoms in frames] == [0, 50, 100]
    _, atoms = frames[1]
    assert atoms.get_chemical_symbols() == ["C", "H", "C"]
    assert atoms.pbc.all()
    np.testing.assert_allclose(atoms.cell.array, [[10, 0, 0], [1.1, 11, 0], [-2.4, 3.6, 12]], atol=1e-5)
    # the centre of HOOMD's box is its origin
    np.testing.assert_allclose(atoms.positions[0], atoms.cell.array.sum(axis=0) / 2, atol=1e-5)
    np.testing.assert_allclose(atoms.positions[1] - atoms.positions[0], [1, 2, 3], atol=1e-5)
    assert atoms.info["temperature_K"] == 350.0
    assert atoms.arrays["coordination"].tolist() == [2, 1, 0]


def test_gsd_is_told_by_its_content(trajectory, tmp_path):
    renamed = tmp_path / "trajectory.dat"
    trajectory.rename(renamed)
    assert len(only(renamed)) == 3
    assert only(renamed, -1)[0][1].info["step"] == 100


def test_a_flat_gsd_box_is_open_in_the_third_direction(tmp_path):
    path = tmp_path / "flat.gsd"
    with gsd.hoomd.open(str(path), "w") as file:
        file.append(gsd_frame(box=(10, 11, 0, 0, 0, 0), dimensions=2))
    [(_, atoms)] = only(path)
    assert atoms.pbc.tolist() == [True, True, False]


def test_a_path_may_hold_signs_that_ase_would_interpret(movie, tmp_path):
    odd = tmp_path / "a@1 [*].extxyz"
    movie.rename(odd)
    assert len(only(odd)) == 3


def broken(tmp_path, kind):
    path = tmp_path / "x.extxyz"
    if kind == "missing":
        return path
    if kind == "folder":
        return tmp_path
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "noise":
        path = tmp_path / "noise"
        path.write_bytes(np.random.default_rng(0).bytes(3000))
    elif kind == "text":
        path.write_text("this is not a structure\nat all\n")
    elif kind == "cut off":
        write(path, [bulk("C", cubic=True)] * 2)
        path.write_text(path.read_text()[:-80])
    elif kind == "cut off gsd":
        path = tmp_path / "x.gsd"
        with gsd.hoomd.open(str(path), "w") as file:
            file.append(gsd_frame())
        path.write_bytes(path.read_bytes()[:300])
    elif kind == "not gsd":
        path = tmp_path / "x.gsd"
        path.write_text("hello")
    elif kind == "no atoms":
        path.write_text("0\n\n")
    elif kind == "binary xyz":
        path.write_bytes(b"3\n\xff\xfe\n\x00\x01")
    elif kind == "unknown type":
        path = tmp_path / "x.gsd"
        frame: Any = gsd_frame()
        frame.particles.types = ["A", "B"]
        with gsd.hoomd.open(str(path), "w") as file:
            file.append(frame)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no such file"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("noise", "noise"),
        ("text", "cannot be read"),
        ("cut off", "frame 1 cannot be read"),
        ("cut off gsd", "not a readable GSD file"),
        ("not gsd", "not a GSD file"),
        ("no atoms", "x.extxyz"),
        ("binary xyz", "cannot be read"),
        ("unknown type", "not a chemical element"),
    ],
)
@pytest.mark.parametrize("which", ["all", 0, -1])
def test_a_broken_file_is_refused_in_one_line_that_names_it(tmp_path, kind, message, which):
    path = broken(tmp_path, kind)
    if kind == "cut off" and which == 0:
        assert len(only(path, 0)) == 1  # the first frame is whole
        return
    with pytest.raises(InputError, match=message) as caught:
        only(path, which)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_a_gsd_file_without_frames_is_refused(tmp_path):
    path = tmp_path / "x.gsd"
    gsd.hoomd.open(str(path), "w").close()
    with pytest.raises(InputError, match="no frames"):
        only(path)


def test_sound_structures_pass():
    validate_atoms(bulk("C", "diamond", a=3.567))
    validate_atoms(molecule("C60"))
    validate_atoms(Atoms("C", cell=[0, 0, 1.3], pbc=[False, False, True]))


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms(), "no atoms"),
        (Atoms("C2", positions=[[0, 0, 0], [0, np.nan, 1]]), "atom 1 is not finite"),
        (Atoms("C2", positions=[[np.inf, 0, 0], [0, np.nan, 1]]), r"atom 0 \(and 1 more\)"),
        (Atoms("C", pbc=True), "zero volume"),
        (Atoms("C", cell=[[1, 0, 0], [2, 0, 0], [0, 0, 3]], pbc=True), "zero volume"),
        (Atoms("C", cell=[3, 3, 0], pbc=True), "zero volume"),
        (Atoms("C", cell=[[np.nan, 0, 0], [0, 2, 0], [0, 0, 3]], pbc=True), "not finite"),
        (Atoms("C", cell=[0.01, 5, 5], pbc=True), "its own image"),
        (Atoms("C", cell=[1e-9, 5, 5], pbc=True), "its own image"),
        (Atoms("C3", positions=[[0, 0, 0], [3, 0, 0], [3, 0, 0.05]]), "atoms 1 and 2 overlap"),
        (
            Atoms("C2", positions=[[0.02, 1, 1], [8.99, 1, 1]], cell=[9, 9, 9], pbc=True),
            "atoms 0 and 1 overlap",
        ),
    ],
)
def test_a_senseless_structure_is_refused_with_the_reason(atoms, message):
    with pytest.raises(InputError, match=message) as caught:
        validate_atoms(atoms, "x.xyz, frame 3")
    assert "\n" not in str(caught.value)
    assert "x.xyz, frame 3" in str(caught.value)


def test_atoms_that_overlap_across_an_open_boundary_do_not_overlap():
    validate_atoms(Atoms("C2", positions=[[0.02, 1, 1], [8.99, 1, 1]], cell=[9, 9, 9], pbc=False))
