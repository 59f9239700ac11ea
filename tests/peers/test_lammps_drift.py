"""The energy error of dynamics at constant energy, beside LAMMPS's with the same start and step."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest
from ase.io import read
from peers.lammps_run import lammps_job, run_lammps
from physics.systems import NVE, propagator

from carbonize.potentials.tersoff_parameters import NAMED_SETS, lammps_text

pytestmark = pytest.mark.peers

STRUCTURE = Path(__file__).resolve().parents[2] / "structures" / "precursor-500.extxyz"
TIMESTEP_FS, STEPS, BLOCKS = 0.5, 25, 40
AMU_A2_FS2 = 103.642696
"""eV in amu A^2/fs^2."""


@pytest.fixture(autouse=True, scope="module")
def _wide_types() -> None:
    jax.config.update("jax_enable_x64", True)


def test_the_energy_drifts_as_it_does_in_lammps(tmp_path: Path) -> None:
    atoms = read(STRUCTURE)
    atoms.wrap()
    engine, state = propagator(atoms, 2000.0, TIMESTEP_FS, NVE)
    masses = atoms.get_masses()
    velocities = np.asarray(state.momenta[0]) / masses[:, None] / AMU_A2_FS2**0.5
    state, report, _ = engine.advance(state, 0)
    ours = [float(report.potential_eV[0] + report.kinetic_eV[0])]
    for _ in range(BLOCKS):
        state, report, failures = engine.advance(state, STEPS)
        assert not failures
        ours.append(float(report.potential_eV[0] + report.kinetic_eV[0]))
    parameters = tmp_path / "C.tersoff"
    parameters.write_text(lammps_text(NAMED_SETS["tersoff-1989"]))
    motion = {
        "velocities": (1000 * velocities).tolist(),
        "timestep_ps": TIMESTEP_FS / 1000,
        "steps": STEPS,
        "blocks": BLOCKS,
    }
    theirs = run_lammps([lammps_job(parameters, atoms, motion)], tmp_path)[0]["total"]
    mine, other = (np.array(total) / len(atoms) for total in (ours, theirs))
    # as long as both follow the same path, to the last digits of their constants; the error is a thousand times that
    together = slice(0, 200 // STEPS)
    np.testing.assert_allclose(mine[together], other[together], rtol=0, atol=1e-6)
    assert np.ptp(mine[together]) > 1e-3
    # then histories part, and only the size of the error can be compared
    assert np.ptp(mine) < 2 * np.ptp(other)
