"""The ASE calculators: properties, any cell, and plain words for bad input."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene
from ase.calculators.calculator import PropertyNotImplementedError

import carbonize
from carbonize.calculators import CarbonizeCalculator
from carbonize.config.models import EdipConfig, TersoffConfig
from carbonize.errors import InputError
from carbonize.potentials import make_potential
from carbonize.potentials.edip import Edip
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS, lammps_text


@pytest.fixture(scope="module")
def tersoff():
    return carbonize.calculator("tersoff", parameters="tersoff-1989")


def test_all_properties_have_ase_shapes_and_agree_with_each_other(edip, disordered):
    atoms = disordered.copy()
    atoms.calc = edip
    energy = atoms.get_potential_energy()
    assert isinstance(energy, float)
    assert atoms.get_potential_energy(force_consistent=True) == energy
    assert atoms.get_potential_energies().sum() == pytest.approx(energy, abs=1e-12)
    assert atoms.get_forces().shape == (8, 3)
    assert atoms.get_stress().shape == (6,)


def test_expanded_diamond_pulls_together(tersoff):
    atoms = bulk("C", "diamond", a=3.7)
    atoms.calc = tersoff
    assert (atoms.get_stress()[:3] > 0).all()


def test_results_are_double_precision_without_touching_the_global_setting(tersoff):
    before = jax.config.jax_enable_x64
    atoms = bulk("C", "diamond", a=3.5)
    atoms.calc = tersoff
    assert atoms.get_forces().dtype == np.float64
    assert before == jax.config.jax_enable_x64


@pytest.mark.parametrize("pbc", [False, [True, False, True], [True, True, False]])
def test_stress_is_not_offered_for_open_directions(edip, disordered, pbc):
    atoms = disordered.copy()
    atoms.pbc = pbc
    atoms.calc = edip
    assert np.isfinite(atoms.get_forces()).all()
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()


def test_the_handedness_of_the_cell_does_not_matter(edip, disordered):
    atoms, swapped = disordered.copy(), disordered.copy()
    swapped.set_cell(np.array(disordered.cell)[[1, 0, 2]])
    atoms.calc = swapped.calc = edip
    assert np.abs(atoms.get_forces() - swapped.get_forces()).max() < 1e-10
    assert np.abs(atoms.get_stress() - swapped.get_stress()).max() < 1e-12


def test_an_open_direction_equals_a_very_long_cell(edip):
    sheet = graphene(a=2.4, vacuum=None)
    sheet.rattle(0.05, seed=1)
    periodic = sheet.copy()
    periodic.cell[2] = [3, 5, 40]
    periodic.pbc = True
    sheet.calc = periodic.calc = edip
    assert (sheet.cell[2] == 0).all()
    assert np.abs(sheet.get_forces() - periodic.get_forces()).max() < 1e-12


def test_atoms_outside_the_cell_are_at_home_too(edip, disordered):
    atoms, away = disordered.copy(), disordered.copy()
    away.positions[3] += np.array([2, -3, 1]) @ np.array(away.cell)
    atoms.calc = away.calc = edip
    assert np.abs(atoms.get_forces() - away.get_forces()).max() < 1e-10


def test_more_neighbours_than_foreseen_make_the_lists_grow(disordered):
    calculator = CarbonizeCalculator(
        Tersoff(tuple(NAMED_SETS["tersoff-1989"].items())), name="Tersoff", capacity=(1, 1)
    )
    ample = carbonize.calculator("tersoff", parameters="tersoff-1989")
    atoms, same = disordered.copy(), disordered.copy()
    atoms.calc, same.calc = calculator, ample
    assert atoms.get_potential_energy() == pytest.approx(same.get_potential_energy(), abs=1e-12)


def test_close_atoms_are_repelled_rather_than_refused(tersoff):
    atoms = Atoms("C2", [[0, 0, 0], [0, 0, 0.3]])
    atoms.calc = tersoff
    assert atoms.get_forces()[1, 2] > 100


def test_parameters_may_come_from_a_file(tmp_path, tersoff, disordered):
    path = tmp_path / "c.tersoff"
    path.write_text(lammps_text(NAMED_SETS["tersoff-1989"]))
    atoms, same = disordered.copy(), disordered.copy()
    atoms.calc, same.calc = carbonize.calculator("tersoff", file=str(path)), tersoff
    assert atoms.get_potential_energy() == same.get_potential_energy()


def test_the_protocol_file_leads_to_the_same_potentials(tmp_path):
    (tmp_path / "c.tersoff").write_text(lammps_text(NAMED_SETS["lindsay-broido-2010"]))
    assert make_potential(EdipConfig(kind="edip")) == Edip()
    named = make_potential(TersoffConfig(kind="tersoff", parameters="lindsay-broido-2010"))
    read = make_potential(TersoffConfig(kind="tersoff", file="c.tersoff"), folder=tmp_path)
    assert named == read
    assert hash(named) == hash(read)


# ---- Bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (("edpi",), {}, "unknown potential 'edpi', did you mean 'edip'"),
        (("gap",), {}, "known: edip, tersoff"),
        (("edip",), {"precison": "float32"}, "unknown keyword 'precison', did you mean 'precision'"),
        (("edip",), {"precision": "double"}, "unknown precision 'double'"),
        (("edip",), {"parameters": "tersoff-1989"}, "edip has one set of parameters"),
        (("tersoff",), {}, "needs either parameters"),
        (("tersoff",), {"parameters": "tersoff-1989", "file": "x"}, "needs either parameters"),
        (("tersoff",), {"parameters": "tersof-1988"}, "did you mean 'tersoff-1989'"),
        (("tersoff",), {"file": "no/such.tersoff"}, "no/such.tersoff: no such file"),
    ],
)
def test_wrong_arguments_are_named(arguments, keywords, message):
    with pytest.raises(InputError, match=message) as caught:
        carbonize.calculator(*arguments, **keywords)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms(), "no atoms"),
        (Atoms("C3O", np.eye(4)[:, :3] * 2), "EDIP is for carbon only; atom 3 is O"),
        (Atoms("C2", [[0, 0, 0], [0, np.nan, 1]]), "atom 1 has no place"),
        (Atoms("C2", [[0, 0, np.inf], [0, 0, 1]]), "atom 0 has no place"),
        (Atoms("C", pbc=True), "no volume"),
        (Atoms("C", cell=[[3, 0, 0], [0, 3, 0], [3, 3, 0]], pbc=True), "no volume"),
        (Atoms("C", cell=[[3, 0, 0], [0, np.nan, 0], [0, 0, 3]], pbc=True), "not finite"),
        (Atoms("C3", [[0, 0, 0], [1, 0, 0], [1, 0, 0.01]]), "atoms 1 and 2 are at the same place"),
        (
            Atoms("C2", [[0, 0, 0], [9, 0, 0]], cell=[9, 9, 9], pbc=True),
            "atoms 0 and 1 are at the same place",
        ),
    ],
)
def test_structures_that_make_no_sense_are_refused_in_one_line(edip, atoms, message):
    atoms = atoms.copy()
    atoms.calc = edip
    with pytest.raises(InputError, match=message) as caught:
        atoms.get_potential_energy()
    assert "\n" not in str(caught.value)
