"""The range of pore quantities while the atoms' radius is uncertain, against what geometry says."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from carbonize import analyze
from carbonize.config.models import ClassLimits

NAMES = ("open", "quasi-closed", "closed", "fully-closed")


def pores(atoms: Atoms, **options):
    return analyze(atoms, what="pores", **options)["pores"]


@pytest.fixture(scope="module")
def disordered() -> Atoms:
    """Random spheres with a wide spread of entrances."""
    return Atoms("C40", positions=np.random.default_rng(7).uniform(0, 14, (40, 3)), cell=[14] * 3, pbc=True)


def test_without_an_uncertainty_nothing_is_repeated(disordered: Atoms) -> None:
    assert "radius_uncertainty" not in pores(disordered)


def test_the_range_is_that_of_three_analyses(disordered: Atoms) -> None:
    found = pores(disordered, radius_uncertainty_A=0.15)
    band = found["radius_uncertainty"]
    single = [pores(disordered, radii={"C": r}) for r in (1.55, 1.7, 1.85)]
    assert single[1]["classes"] == found["classes"]
    for name in NAMES:
        for key in ("count", "volume_A3", "volume_cm3_g", "fraction"):
            values = [one["classes"][name][key] for one in single]
            assert band["classes"][name][key] == pytest.approx([min(values), max(values)], rel=1e-9)
    # the spheres grow by twice what the radius loses
    for key in ("largest_included_sphere_A", "largest_free_sphere_A"):
        assert band[key] == pytest.approx([found[key] - 0.3, found[key] + 0.3], abs=1e-9)


def test_an_entrance_near_a_limit_makes_its_whole_volume_uncertain() -> None:
    # the window of a simple cubic cell of edge 8 A: 8 sqrt(2) - 2 r = 7.914 A
    crystal = bulk("C", "sc", a=8.0)
    near = pores(crystal, class_limits=ClassLimits(open_A=8.0), radius_uncertainty_A=0.1)
    band = near["radius_uncertainty"]["classes"]
    assert near["classes"]["open"]["volume_A3"] == 0
    assert band["open"]["volume_A3"][0] == 0
    assert band["quasi-closed"]["fraction"] == [0, 1]
    assert band["open"]["volume_A3"][1] > near["classes"]["quasi-closed"]["volume_A3"]
    far = pores(crystal, radius_uncertainty_A=0.1)["radius_uncertainty"]["classes"]
    assert far["open"]["fraction"] == [1, 1]


def test_what_lets_nothing_through_is_lower_than_any_width() -> None:
    # the window of a face-centred cubic cell is the triangle of neighbours: 2 d / sqrt(3) - 2 r
    distance = 3.0
    crystal = bulk("C", "fcc", a=distance * 2**0.5, cubic=True)
    width = 2 * distance / 3**0.5 - 3.4
    found = pores(crystal, radius_uncertainty_A=0.1)
    assert found["largest_free_sphere_A"] == pytest.approx(width, abs=1e-5)
    low, high = found["radius_uncertainty"]["largest_free_sphere_A"]
    assert low is None
    assert high == pytest.approx(width + 0.2, abs=1e-5)
