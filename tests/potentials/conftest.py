"""Calculators shared by the tests of this folder, large enough to be compiled only once."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from carbonize.calculators import CarbonizeCalculator
from carbonize.potentials.edip import Edip

DENSE = (8, 6, 28, 20, 64, 0)
"""Capacities of EDIP for everything up to simple cubic carbon."""


@pytest.fixture(scope="session")
def edip() -> CarbonizeCalculator:
    return CarbonizeCalculator(Edip(), name="EDIP", capacity=DENSE)


@pytest.fixture(scope="session")
def disordered() -> Atoms:
    """Eight rattled atoms in a sheared, skewed cell smaller than the range of EDIP."""
    atoms = bulk("C", "diamond", a=3.7, cubic=True)
    atoms.set_cell(atoms.cell @ np.array([[1, 0.1, 0], [0.05, 1.02, -0.2], [0, 0.1, 0.97]]), scale_atoms=True)
    atoms.rattle(0.15, seed=5)
    return atoms
