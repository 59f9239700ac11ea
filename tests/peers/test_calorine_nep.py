"""NEP against calorine, which evaluates with NEP_CPU, the authors' own program."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from nep_files import Kind

from carbonize.calculators import CarbonizeCalculator
from carbonize.potentials.nep import Nep
from carbonize.potentials.nep_file import read_nep

pytest.importorskip(
    "calorine", reason="calorine, a NEP program to compare with, is not installed: pip install .[peers]"
)
import _nepy

pytestmark = pytest.mark.peers

KINDS = {
    "nep4": Kind(),
    "nep4 of two elements, own cutoffs, typewise ZBL": Kind(
        tag="nep4_zbl", elements=("C", "H"), cutoff="4.4 3.6 4.0 3.0 80 47", l_max="8 0 1", zbl="0.8 1.8 0.7"
    ),
    "nep3 of three elements, flexible ZBL": Kind(
        tag="nep3_zbl", elements=("O", "C", "H"), l_max="3 2 0", zbl="0 0", n_max=(2, 1), seed=3
    ),
}


def structure(elements: tuple[str, ...]) -> Atoms:
    atoms = bulk("C", "diamond", a=3.6, cubic=True).repeat((3, 2, 2))
    atoms.set_cell(atoms.cell @ np.array([[1, 0.1, 0], [0.05, 1.02, -0.2], [0, 0.1, 0.97]]), scale_atoms=True)
    atoms.rattle(0.15, seed=5)
    atoms.set_chemical_symbols([elements[k % len(elements)] for k in range(len(atoms))])
    return atoms


def compare(path, atoms: Atoms) -> None:
    """Energies, forces and virials, by the peer's compiled module: its Python refuses version 3."""
    cell = np.array(atoms.cell).T.reshape(-1).tolist()
    positions = atoms.positions.T.reshape(-1).tolist()
    symbols = atoms.get_chemical_symbols()
    peer = _nepy.NEPY(str(path), len(atoms), cell, symbols, positions, atoms.get_masses().tolist())
    energies, forces, virials = (np.array(v) for v in peer.get_potential_forces_and_virials())
    forces = forces.reshape(3, -1).T
    stress = -virials.reshape(9, -1).sum(axis=1).reshape(3, 3) / atoms.get_volume()
    atoms.calc = CarbonizeCalculator(Nep(read_nep(path)), name="NEP", capacity=(90, 60))
    assert np.abs(atoms.get_potential_energies() - energies).max() < 1e-8 * np.abs(energies).max()
    assert np.abs(atoms.get_forces() - forces).max() < 1e-8 * np.abs(forces).max()
    assert np.abs(atoms.get_stress(voigt=False) - stress).max() < 1e-8 * np.abs(stress).max()


@pytest.mark.parametrize("name", KINDS)
def test_random_files_of_every_kind_give_the_same(name, tmp_path):
    kind = KINDS[name]
    compare(kind.write(tmp_path / "nep.txt"), structure(kind.elements))


@pytest.mark.shared
def test_the_published_carbon_potential_gives_the_same(shared_dir):
    compare(shared_dir / "potentials" / "C_2022_NEP4.txt", structure(("C",)))
