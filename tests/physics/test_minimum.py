"""Minimisation ends in a minimum."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from physics.systems import TERSOFF, diamond

from carbonize.simulation.forces import make_force_field
from carbonize.simulation.minimize import Minimizer
from carbonize.structures.random_packing import cubic_edge_A, random_packing


def minimizer(atoms: Atoms) -> Minimizer:
    field = make_force_field(TERSOFF, atoms.positions[None], atoms.cell.array[None], 0.8)
    return Minimizer(field, np.zeros(len(atoms), np.int32))


def test_rattled_diamond_relaxes_to_the_lattice_energy() -> None:
    ideal, rattled = diamond(2, 0.0), diamond(2, 0.05)
    fire = minimizer(rattled)
    minimum = fire.minimize(rattled.positions, rattled.cell.array, 1e-4, 3000)
    perfect = fire.minimize(ideal.positions, ideal.cell.array, 1e-4, 10)
    assert minimum.converged
    assert minimum.max_force_eV_A <= 1e-4
    np.testing.assert_allclose(minimum.potential_eV, perfect.potential_eV, atol=1e-5)


def test_a_random_packing_relaxes_downhill() -> None:
    edge = cubic_edge_A(100, 1.5)
    packed = Atoms("C100", positions=random_packing(100, 1.5, 1), cell=[edge] * 3, pbc=True)
    fire = minimizer(packed)
    energies = []
    start = fire.minimize(packed.positions, packed.cell.array, 0.5, 0)
    minimum = fire.minimize(
        packed.positions, packed.cell.array, 0.5, 2000, lambda n, e, f: energies.append(e)
    )
    assert minimum.converged
    assert energies[-1] == minimum.potential_eV
    assert minimum.potential_eV < start.potential_eV
    assert minimum.max_force_eV_A <= 0.5 < start.max_force_eV_A
