"""Carbon EDIP against its specification, reference data, and the laws every potential obeys."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene, make_supercell
from bond_lists import evaluate as evaluate_bonds
from bond_lists import random_bonds
from oracles import edip_oracle

from carbonize.calculators import CarbonizeCalculator
from carbonize.potentials.edip import Edip

STRUCTURES = """C60 bilayer_AA_2.2 bilayer_AA_2.4 bilayer_AA_2.8 bilayer_AA_3.0 bilayer_AB_2.2 bilayer_AB_2.4
bilayer_AB_2.6 bilayer_AB_2.8 bilayer_AB_3.0 chains_2.1 chains_2.4 chains_2.4_rattled chains_2.8 chains_3.1
diamond diamond_rattled dimer graphene graphene_SW graphene_SW_relaxed graphene_rattled graphite_AB
liquid64_1.5 random64_2.0 sc_1.80_rattled trimer_bent twist_0 twist_15 twist_30 twist_60 twist_90""".split()


def energy_per_atom(calculator, atoms):
    atoms = atoms.copy()
    atoms.calc = calculator
    return atoms.get_potential_energy() / len(atoms)


def evaluate(calculator, atoms):
    atoms = atoms.copy()
    atoms.calc = calculator
    return atoms.get_potential_energy(), atoms.get_forces()


def flat_graphene(bond=1.42):
    atoms = graphene(a=bond * np.sqrt(3), vacuum=10)
    atoms.pbc = True
    return atoms


def ab_graphite(spacing, bond=1.419916):
    sheet = graphene(a=bond * np.sqrt(3), vacuum=20)
    sheet.pbc = True
    other = sheet.copy()
    other.translate(sheet.positions[1] - sheet.positions[0] + [0, 0, spacing])
    both = sheet + other
    cell = np.array(both.cell)
    cell[2] = [0, 0, 2 * spacing]
    both.set_cell(cell)
    return both


# ---- The oracle against the spot values of the specification --------------------------------


@pytest.mark.parametrize(
    ("function", "arguments", "value"),
    [
        (edip_oracle.f, (1.6,), 0.999391726345),
        (edip_oracle.f, (1.8,), 0.933213195122),
        (edip_oracle.f, (2.2,), 0.013282371595),
        (edip_oracle.p, (1.6,), 0.980972296469),
        (edip_oracle.p, (1.9,), 0.179126801630),
        (edip_oracle.tau, (2.0,), 0.999175792281),
        (edip_oracle.tau, (3.0,), 0.501236311578),
        (edip_oracle.tau, (4.0,), 0.333333343487),
        (edip_oracle.lam, (2.0,), 9.083312866113),
        (edip_oracle.lam, (4.0,), 19.000000000003),
        (edip_oracle.U2, (1.42, 3.0), -2.454156368248),
        (edip_oracle.U2, (2.0, 3.0), -0.519425046199),
        (edip_oracle.U3, (1.42, 1.42, -0.4, 3.0), 0.039584223745),
        (edip_oracle.U3, (1.5, 1.6, 0.1, 4.0), 0.641530304057),
        (edip_oracle.U3, (1.3, 1.4, -0.8, 2.4), 0.028923483098),
    ],
)
def test_oracle_functions_have_the_published_values(function, arguments, value):
    assert function(*arguments) == pytest.approx(value, abs=2e-12)


# ---- Energies of known structures ---------------------------------------------------------


@pytest.mark.parametrize(
    ("atoms", "energy"),
    [
        pytest.param(bulk("C", "diamond", a=3.57257), -7.346656, id="diamond"),
        pytest.param(flat_graphene(1.419916), -7.362451, id="graphene"),
        pytest.param(Atoms("C", cell=[1.319264, 30, 30], pbc=True), -5.559192, id="linear chain"),
        pytest.param(Atoms("C2", [[0, 0, 0], [1.240968, 0, 0]]), -5.241200 / 2, id="dimer"),
        pytest.param(bulk("C", "sc", a=1.94628), -4.757114, id="simple cubic"),
        pytest.param(ab_graphite(2.4), -6.924282, id="AB graphite 2.4 A"),
        pytest.param(ab_graphite(2.8), -7.322628, id="AB graphite 2.8 A"),
        pytest.param(ab_graphite(3.1), -7.360379, id="AB graphite 3.1 A"),
        pytest.param(ab_graphite(3.25), -7.362451, id="AB graphite 3.25 A"),
    ],
)
def test_equilibrium_energies_are_those_of_the_specification(edip, atoms, energy):
    assert energy_per_atom(edip, atoms) == pytest.approx(energy, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "length"),
    [
        pytest.param(lambda a: bulk("C", "diamond", a=a), 3.57257, id="diamond"),
        pytest.param(flat_graphene, 1.419916, id="graphene"),
        pytest.param(lambda a: Atoms("C", cell=[a, 30, 30], pbc=True), 1.319264, id="linear chain"),
        pytest.param(lambda a: Atoms("C2", [[0, 0, 0], [a, 0, 0]]), 1.240968, id="dimer"),
    ],
)
def test_energy_is_lowest_at_the_equilibrium_length(edip, make, length):
    lengths = length * np.array([0.999, 1.0, 1.001])
    below, here, above = (energy_per_atom(edip, make(a)) for a in lengths)
    curvature, slope = below - 2 * here + above, 0.5 * (above - below)
    assert here < min(below, above)
    assert length * (1 - 0.001 * slope / curvature) == pytest.approx(length, abs=1e-5)


def test_layers_further_apart_than_the_repulsion_do_not_interact(edip):
    assert energy_per_atom(edip, ab_graphite(3.35)) == pytest.approx(
        energy_per_atom(edip, flat_graphene(1.419916)), abs=1e-12
    )


@pytest.mark.shared
@pytest.mark.parametrize("name", STRUCTURES)
def test_reference_structures_are_reproduced(edip, shared_dir, name):
    data = json.loads((shared_dir / "reference" / "edip" / f"{name}.json").read_text())
    atoms = Atoms(
        f"C{data['natoms']}", data["positions"], cell=data["cell"], pbc=data["pbc"], calculator=edip
    )
    assert atoms.get_potential_energy() == pytest.approx(data["energy"], abs=1e-7)
    assert np.abs(atoms.get_forces() - data["forces"]).max() < 5e-5
    assert np.abs(atoms.get_potential_energies() - data["atom_energy"]).max() < 1e-8
    stress = np.array(data["stress_dE_dstrain_over_V"])
    got = atoms.get_stress(voigt=False)
    assert np.abs(got - stress).max() < 1e-6 * np.abs(stress).max() + 1e-10


# ---- Against explicit sums over atoms -------------------------------------------------------


def overcoordinated():
    """An atom with eight neighbours at 1.6 A, whose Z takes U2 beyond the range of the repulsion."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return Atoms("C9", np.vstack([[0, 0, 0], corners * 1.5 / np.sqrt(3)]))


def test_energies_equal_the_explicit_sums(edip, disordered):
    for atoms in (disordered, overcoordinated(), Atoms("C"), Atoms("C2", [[0, 0, 0], [0, 0, 0.5]])):
        expected, _ = edip_oracle.atom_energies(atoms.positions, np.array(atoms.cell), atoms.pbc)
        atoms = atoms.copy()
        atoms.calc = edip
        assert np.abs(atoms.get_potential_energies() - expected).max() < 1e-9


def test_range_grows_with_coordination(edip):
    atoms = overcoordinated()
    _, Z = edip_oracle.atom_energies(atoms.positions, np.array(atoms.cell), atoms.pbc)
    assert Edip().a_A + Edip().a_slope_A * Z.max() > Edip().cutoff_A
    _, forces = evaluate(edip, atoms)
    assert np.isfinite(forces).all()


# ---- Laws ---------------------------------------------------------------------------------


def numerical_forces(calculator, atoms, step=1e-4):
    forces = np.zeros((len(atoms), 3))
    for i, c in np.ndindex(forces.shape):
        values = []
        for sign in (-1, 1):
            moved = atoms.copy()
            moved.positions[i, c] += sign * step
            values.append(evaluate(calculator, moved)[0])
        forces[i, c] = -(values[1] - values[0]) / (2 * step)
    return forces


def test_forces_are_minus_the_gradient_of_the_energy(edip, disordered):
    _, forces = evaluate(edip, disordered)
    assert np.abs(forces - numerical_forces(edip, disordered)).max() < 2e-5


def test_stress_is_the_derivative_with_respect_to_strain(edip, disordered):
    atoms = disordered.copy()
    atoms.calc = edip
    stress, step = atoms.get_stress(voigt=False), 1e-5
    for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
        values = []
        for sign in (-1, 1):
            strain = np.eye(3)
            strain[a, b] += 0.5 * sign * step
            strain[b, a] += 0.5 * sign * step
            strained = disordered.copy()
            strained.set_cell(disordered.cell @ strain, scale_atoms=True)
            values.append(evaluate(edip, strained)[0])
        derivative = (values[1] - values[0]) / (2 * step) / atoms.get_volume()
        assert stress[a, b] == pytest.approx(derivative, abs=2e-6)


def test_forces_add_up_to_nothing(edip, disordered):
    assert np.abs(evaluate(edip, disordered)[1].sum(axis=0)).max() < 1e-11


def test_nothing_depends_on_origin_or_order(edip, disordered):
    energy, forces = evaluate(edip, disordered)
    order = np.random.default_rng(0).permutation(len(disordered))
    moved = disordered[order]
    moved.translate([11.3, -7.1, 0.4])
    energy_moved, forces_moved = evaluate(edip, moved)
    assert energy_moved == pytest.approx(energy, abs=1e-10)
    assert np.abs(forces_moved - forces[order]).max() < 1e-10


def test_forces_turn_with_the_structure(edip, disordered):
    energy, forces = evaluate(edip, disordered)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]  # may mirror as well
    turned = disordered.copy()
    turned.set_cell(disordered.cell @ turn)
    turned.positions = disordered.positions @ turn
    energy_turned, forces_turned = evaluate(edip, turned)
    assert energy_turned == pytest.approx(energy, abs=1e-10)
    assert np.abs(forces_turned - forces @ turn).max() < 1e-10


@pytest.mark.parametrize("matrix", [np.diag([2, 2, 2]), [[1, 1, 0], [0, 2, 0], [-1, 0, 3]]])
def test_small_cells_and_their_supercells_agree(edip, disordered, matrix):
    energy, _ = evaluate(edip, disordered)
    larger = make_supercell(disordered, matrix)
    energy_larger, _ = evaluate(edip, larger)
    assert energy_larger / len(larger) == pytest.approx(energy / len(disordered), abs=1e-10)


def test_a_primitive_cell_of_one_or_two_atoms_equals_its_supercell(edip):
    for atoms in (bulk("C", "sc", a=1.9), bulk("C", "diamond", a=3.4)):
        atoms.rattle(0.1, seed=2)
        energy, forces = evaluate(edip, atoms)
        larger = atoms.repeat(3)
        energy_larger, forces_larger = evaluate(edip, larger)
        assert energy_larger / 27 == pytest.approx(energy, abs=1e-9)
        assert np.abs(forces_larger[: len(atoms)] - forces).max() < 1e-9


def test_separate_molecules_add_up(edip):
    chain = Atoms("C3", [[0, 0, 0], [1.3, 0, 0], [2.5, 0.4, 0]])
    pair = Atoms("C2", [[0, 0, 30], [0, 1.25, 30]])
    total = evaluate(edip, chain + pair)[0]
    assert total == pytest.approx(evaluate(edip, chain)[0] + evaluate(edip, pair)[0], abs=1e-12)


def test_an_isolated_atom_has_neither_energy_nor_force(edip):
    energy, forces = evaluate(edip, Atoms("C"))
    assert energy == 0
    assert (forces == 0).all()


def test_energy_is_continuous_where_terms_begin_and_end(edip):
    """A third atom moves past the ends of f, p, U2 and the repulsion."""
    distances = np.concatenate([end + np.array([-1e-7, 1e-7]) for end in (1.48, 1.547, 2.0, 2.27, 3.2)])
    energies, forces = [], []
    for r in distances:
        e, f = evaluate(edip, Atoms("C4", [[0, 0, 0], [1.3, 0, 0], [-0.8, 1.1, 0], [0.2, 0.3, r]]))
        energies.append(e)
        forces.append(f)
    assert np.abs(np.diff(energies)[::2]).max() < 1e-5
    assert max(np.abs(forces[k + 1] - forces[k]).max() for k in range(0, len(distances), 2)) < 1e-4


def test_float32_is_close_to_float64(edip, disordered):
    single = CarbonizeCalculator(Edip(), name="EDIP", precision="float32", capacity=(6, 4, 28, 16, 64))
    energy, forces = evaluate(edip, disordered)
    energy_single, forces_single = evaluate(single, disordered)
    assert energy_single == pytest.approx(energy, rel=2e-6)
    assert np.abs(forces_single - forces).max() < 2e-5 * np.abs(forces).max()


@pytest.mark.slow
def test_neither_blocks_nor_crowding_matter_beyond_rounding():
    """1501 atoms: one block, two with crowded atoms apart, five without; none of them of equal size."""
    bonds = random_bonds(1501, 2, "float64")
    whole, *others = (
        evaluate_bonds(Edip(block=block, loops=False), bonds, (6, 8, 26, 18, 140))
        for block in (300, 750, 1501)
    )
    for other in others:
        assert (other.usage[:4] == whole.usage[:4]).all()
        assert 0 < other.usage[4].max() <= 140
        assert (other.usage[4] == other.usage[4, 0]).sum() > 700
        for name in ("energies", "forces", "virials", "reach_A"):
            assert np.abs(getattr(other, name) - getattr(whole, name)).max() < 1e-12, name
