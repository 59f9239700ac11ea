"""Sheets, stacks and layer spacings of structures that were built with known ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.io import read
from carbon_models import BOND_A, graphene_sheet, graphite_slab, tubes

from carbonize import analyze
from carbonize.analysis.sheets.summary import sheet_summary, sheets_and_layers

STRUCTURES = Path(__file__).parents[2] / "structures"


@pytest.mark.parametrize("layers", [1, 2, 3, 7])
def test_a_slab_of_graphite_has_its_layers_and_its_spacing(layers):
    result = sheet_summary(graphite_slab(layers, spacing=3.354))
    assert result["sheets"] == layers
    assert result["sizes"] == {"6-7": 0, "8-15": 0, "16-31": 0, "32-63": layers}
    assert result["layers_mean"] == layers
    assert result["largest_fraction"] == pytest.approx(1 / layers)
    assert result["endless_fraction"] == 0.0
    if layers == 1:
        assert result["layer_spacing_A"] is None and result["stacked_fraction"] == 0.0
    else:
        assert result["layer_spacing_A"] == pytest.approx(3.354, abs=1e-9)
        assert result["layer_spacing_mode_A"] == pytest.approx(3.354, abs=1e-9)
        assert result["layer_spacing_spread_A"] == pytest.approx(0.0, abs=1e-9)


def test_bulk_graphite_is_an_endless_stack_of_the_layers_of_its_cell():
    result = sheet_summary(read(STRUCTURES / "graphite.extxyz"))
    assert result["sheets"] == 4 and result["layers_mean"] == 4.0
    assert result["endless_fraction"] == 1.0


def test_a_slab_may_lie_in_any_direction_and_across_the_boundary():
    slab = graphite_slab(3)
    random = np.random.default_rng(3)
    slab.positions += random.uniform(0, 20, 3)
    slab.rotate(37.0, (1.0, 2.0, -0.5), rotate_cell=True)
    shuffled = slab[random.permutation(len(slab))]
    result = sheet_summary(shuffled)
    assert result["layers"]["3"] == 1.0
    assert result["layer_spacing_A"] == pytest.approx(3.354, abs=1e-6)


def test_layers_are_counted_at_the_right_distance_only():
    assert sheet_summary(graphite_slab(2, spacing=3.9))["layer_spacing_A"] == pytest.approx(3.9, abs=1e-9)
    assert sheet_summary(graphite_slab(2, spacing=5.0))["layer_spacing_A"] is None


def test_thermal_motion_widens_the_spacings_about_their_mean():
    slab = graphite_slab(4, repeat=8)
    slab.rattle(0.08, seed=5)
    result = sheet_summary(slab)
    assert result["layer_spacing_A"] == pytest.approx(3.354, abs=0.01)
    assert 0.03 < result["layer_spacing_spread_A"] < 0.15
    assert result["layers_mean"] > 3.9


def test_the_walls_of_nested_tubes_are_layers():
    result = sheet_summary(tubes(8, 13, 18))
    assert result["sheets"] == 3 and result["layers"]["3"] == 1.0
    apart = 5 * 3 * BOND_A / (2 * np.pi)
    assert result["layer_spacing_A"] == pytest.approx(apart, rel=0.006)
    assert sheet_summary(tubes(8))["layers_mean"] == 1.0


def test_what_is_not_layered_has_no_stacks():
    assert sheet_summary(bulk("C", "diamond", a=3.567, cubic=True))["sheets"] == 0
    cage = sheet_summary(molecule("C60"))
    assert cage["largest"] == 60 and cage["stacked_fraction"] == 0.0
    disordered = sheet_summary(read(STRUCTURES / "precursor-1000.extxyz"))
    assert disordered["stacked_fraction"] < 0.05
    alone = sheet_summary(Atoms("C", cell=[9, 9, 9], pbc=True))
    assert alone["sheets"] == 0 and alone["layers_mean"] is None and alone["layers"] == {}


def test_sheets_are_told_apart_and_numbered_by_size():
    slab = graphite_slab(2)
    cage = molecule("C60")
    cage.positions += slab.cell.array.sum(axis=0) / 2 + [0, 0, 12.0]
    both = slab + cage
    cell = slab.cell.array.copy()
    cell[2] = [0, 0, 45.0]
    both.set_cell(cell)
    sheets, _ = sheets_and_layers(both)
    assert sheets.sizes.tolist() == [60, 50, 50]
    assert (sheets.label[100:] == 0).all()
    assert sorted({*sheets.label[:50].tolist(), *sheets.label[50:100].tolist()}) == [1, 2]


def test_normals_are_those_of_the_plane():
    sheets, _ = sheets_and_layers(graphene_sheet(3, 3))
    np.testing.assert_allclose(np.abs(sheets.normal[:, 2]), 1.0, atol=1e-12)


def test_the_part_has_the_keys_of_the_contract():
    result = analyze(graphite_slab(3), what="sheets")["sheets"]
    assert {"sheets", "largest_fraction", "mean_size", "layer_spacing_A", "layers_mean"} <= set(result)
    assert result["mean_size"] == 50
