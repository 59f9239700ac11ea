"""Counts without flicker, and the file of curves."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
import xarray as xr
from ase.build import bulk, molecule
from ase.io import write
from carbon_models import graphite_slab
from typer.testing import CliRunner

from carbonize.analysis.bonding import bonding
from carbonize.analysis.curves import CURVES, curves
from carbonize.analysis.steady import steady_bonding, steady_coordination
from carbonize.cli.analyze import analyze
from carbonize.errors import InputError

app = typer.Typer()
app.command()(analyze)


def call(*arguments) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture
def flickering():
    """Graphene in which one bond of another atom is stretched beyond the cutoff in every frame."""
    frames = []
    for k in range(7):
        frame = graphite_slab(1)
        frame.positions[3 * k, 2] += 1.5
        frames.append(frame)
    return frames


def test_an_atom_is_what_it_is_in_most_frames():
    numbers = np.array([[3, 2, 4], [3, 3, 4], [2, 3, 3]])
    assert steady_coordination(numbers).tolist() == [3, 3, 4]
    assert steady_coordination(np.array([[2, 3], [3, 4], [4, 2]])).tolist() == [3, 4]


def test_flicker_is_left_out_of_the_counts(flickering):
    for number, counts in steady_bonding(enumerate(flickering), 5):
        assert bonding(flickering[number])["sp2"] < 1.0
        assert counts["sp2"] == 1.0
        assert counts["window_frames"] == 5
        assert counts["frames_used"] == {0: 3, 1: 4, 5: 4, 6: 3}.get(number, 5)
        assert counts["flicker_fraction"] == pytest.approx(4 / 50)
    assert [n for n, _ in steady_bonding(enumerate(flickering), 5)] == list(range(7))


def test_a_window_of_one_frame_is_the_frame(flickering):
    for number, counts in steady_bonding(enumerate(flickering), 1):
        assert counts["sp2"] == bonding(flickering[number])["sp2"]
        assert counts["flicker_fraction"] == 0.0


def test_frames_of_other_atoms_are_not_mixed(flickering):
    frames = [*flickering[:3], molecule("C60"), *flickering[3:]]
    used = [counts["frames_used"] for _, counts in steady_bonding(enumerate(frames), 5)]
    assert used == [3, 3, 3, 1, 3, 4, 4, 3]


def test_the_command_counts_over_the_trajectory_also_for_one_frame(flickering, tmp_path):
    path = tmp_path / "movie.extxyz"
    write(path, flickering)
    frames = json.loads(call(path, "--what", "bonding", "--steady", 5, "--json", "-"))["frames"]
    assert all(frame["bonding"]["steady"]["sp2"] == 1.0 for frame in frames)
    [last] = json.loads(call(path, "--what", "bonding", "--steady", 5, "--frame", "-1", "--json", "-"))[
        "frames"
    ]
    assert last == frames[-1]
    with pytest.raises(InputError, match="odd number of frames"):
        call(path, "--steady", 4)
    with pytest.raises(InputError, match="--steady counts bonding"):
        call(path, "--steady", 5, "--what", "pores")


def test_the_file_of_curves_has_units_and_the_distributions_are_normalized(tmp_path):
    path, out = tmp_path / "two.extxyz", tmp_path / "out.nc"
    write(path, [graphite_slab(2), bulk("C", "diamond", a=3.567, cubic=True)])
    assert f"wrote {out}" in call(path, "--what", "bonding,rings,sheets", "--curves", out)
    with xr.open_dataset(out, engine="h5netcdf") as data:
        assert data.frame.values.tolist() == [0, 1]
        for name, variable in data.variables.items():
            assert {"units", "long_name"} <= set(variable.attrs), name
        assert {"bond_length_density", "rings_per_atom", "layer_spacing_density"} <= set(data.data_vars)
        length = data.bond_length_density
        step = float(np.diff(data.bond_length_A.values)[0])
        np.testing.assert_allclose(length.sum("bond_length_A") * step, 1.0)
        np.testing.assert_allclose(length.idxmax("bond_length_A"), [1.42, 1.5446], atol=0.006)
        np.testing.assert_allclose(data.bond_angle_density.idxmax("bond_angle_deg"), [120, 109.5], atol=0.6)
        assert data.rings_per_atom.sel(ring_size=6).values.tolist() == [0.5, 2.0]
        assert float(data.layer_spacing_density[0].idxmax()) == pytest.approx(3.354, abs=0.011)
        assert np.isnan(data.layer_spacing_density[1]).all()
        assert data.layers_share[0].sel(layers=2) == 1.0


def test_every_part_that_promises_curves_has_them():
    slab = graphite_slab(2)
    for part in ("bonding", "rings", "sheets"):
        assert part in CURVES
        assert curves(slab, [part]).data_vars


def test_curves_of_parts_without_any_are_refused(tmp_path):
    path = tmp_path / "c60.xyz"
    write(path, molecule("C60"))
    with pytest.raises(InputError, match="no curves to write"):
        call(path, "--what", "pores", "--curves", tmp_path / "out.nc")
    with pytest.raises(InputError, match="no folder"):
        call(path, "--what", "rings", "--curves", tmp_path / "nowhere" / "out.nc")
