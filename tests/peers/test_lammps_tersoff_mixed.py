"""Tersoff for several elements against LAMMPS, fed the same parameters."""

from __future__ import annotations

import numpy as np
import pytest
from peers.lammps_run import lammps_job, run_lammps
from tersoff_tables import TABLES, alloys

from carbonize.calculators import CarbonizeCalculator
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import lammps_text, read_lammps_table

pytestmark = pytest.mark.peers

BAR_PER_EV_A3 = 1.6021765e6  # LAMMPS's own number

CASES = [(name, kind) for name in TABLES for kind in alloys(name)]


@pytest.fixture(scope="module")
def lammps_results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lammps")
    jobs = []
    for name, kind in CASES:
        path = folder / f"{name}.tersoff"
        path.write_text(lammps_text(TABLES[name]))
        jobs.append(lammps_job(path, alloys(name)[kind]))
    return dict(zip(CASES, run_lammps(jobs, folder), strict=True))


@pytest.fixture(scope="module")
def calculators(tmp_path_factory):
    """Through files, as LAMMPS reads them; one calculator a table."""
    made = {}
    for name, table in TABLES.items():
        path = tmp_path_factory.mktemp("files") / f"{name}.tersoff"
        path.write_text(lammps_text(table))
        potential = Tersoff(tuple(read_lammps_table(path).entries.items()))
        made[name] = CarbonizeCalculator(potential, name="Tersoff", capacity=(7, 10))
    return made


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_energy_forces_and_stress_are_those_of_lammps(lammps_results, calculators, name, kind):
    expected = lammps_results[name, kind]
    atoms = alloys(name)[kind]
    atoms.calc = calculators[name]
    assert atoms.get_potential_energy() == pytest.approx(expected["energy"], rel=1e-8, abs=1e-12)
    forces = np.array(expected["forces"]).reshape(-1, 3)
    assert np.abs(atoms.get_forces() - forces).max() < 1e-6
    if atoms.pbc.all():
        stress = -np.array(expected["pressure_bar"]) / BAR_PER_EV_A3
        assert np.abs(atoms.get_stress() - stress).max() < 1e-8 + 1e-6 * np.abs(stress).max()
