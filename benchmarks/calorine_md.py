"""The NEP peer: ``python -m benchmarks.calorine_md JOB`` drives calorine's CPUNEP by ASE's Langevin.

Takes ``run N`` and answers in JSON, as benchmarks/ours.py does.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np


def main() -> None:
    """Answer until the input ends."""
    warnings.filterwarnings("ignore")
    from ase import Atoms, units
    from ase.md.langevin import Langevin
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from calorine.calculators import CPUNEP

    job = json.loads(Path(sys.argv[1]).read_text())
    with np.load(job["structure"]) as start:
        positions, cell = start["positions"][0], start["cell"]
    atoms = Atoms(["C"] * len(positions), positions=positions, cell=cell, pbc=True)
    atoms.set_masses(np.full(len(positions), job["mass_amu"]))  # pyright: ignore[reportArgumentType]
    atoms.wrap()
    atoms.calc = CPUNEP(job["nep_file"])
    random = np.random.default_rng(1)
    MaxwellBoltzmannDistribution(atoms, temperature_K=job["temperature_K"], rng=random)
    dynamics = Langevin(
        atoms,
        job["timestep_fs"] * units.fs,
        temperature_K=job["temperature_K"],
        friction=job["friction_per_ps"] / (1000 * units.fs),
        fixcm=False,
        rng=random,
    )
    dynamics.run(job["warm_up"])
    print("@{}", flush=True)
    for line in sys.stdin:
        steps = int(line.split()[1])
        begin = time.perf_counter()
        dynamics.run(steps)
        told = {
            "seconds": time.perf_counter() - begin,
            "steps": steps,
            "temperature_K": float(atoms.get_temperature()),
            "energy_eV_per_atom": float(atoms.get_potential_energy()) / len(atoms),
        }
        print("@" + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
