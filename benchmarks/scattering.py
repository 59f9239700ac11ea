"""How long RDF, S(q), powder pattern and small angles of a large structure take.

Random carbon with round pores is cut out of diamond and shaken; the whole of ``--what scattering`` is timed
after a small structure has compiled everything. Ends with a line such as

    SCATTERING 100000 atoms 2 cores 21.3 s (goal 60)
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

__all__ = ["main"]

_GOAL_S = 60.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How long the scattering of a large structure takes.")
    parser.add_argument("--atoms", type=int, nargs="+", default=[10_000, 100_000], help="sizes to analyse")
    arguments = parser.parse_args()
    from carbonize.analysis.scattering.summary import scattering_summary

    scattering_summary(_structure(3_000))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for size in arguments.atoms:
        atoms = _structure(size)
        wall, busy = time.perf_counter(), time.process_time()
        found = scattering_summary(atoms)
        wall, busy = time.perf_counter() - wall, time.process_time() - busy
        print(
            f"SCATTERING {len(atoms)} atoms {cores} cores {wall:.1f} s (goal {_GOAL_S:.0f}), {busy:.1f} s of processor; "
            f"R {found['saxs']['R_A'] or float('nan'):.2f} A, "
            f"roads to S(q) {found['structure_factor']['join_error']:.1e} apart",
            flush=True,
        )


def _structure(size: int):
    """About ``size`` atoms at 2 g/cm3 in a cube, with void in round pores of 8 A radius."""
    from ase.build import bulk

    rng = np.random.default_rng(0)
    atoms = bulk("C", "diamond", a=3.567, cubic=True)
    atoms = atoms.repeat(round((size / 8 / 0.57) ** (1 / 3)))
    length = float(atoms.cell.lengths()[0])
    keep = np.ones(len(atoms), bool)
    while keep.sum() > size:
        away = (atoms.positions - rng.random(3) * length + length / 2) % length - length / 2
        keep &= (away**2).sum(axis=1) > 64.0
    atoms = atoms[keep]
    atoms.rattle(0.15, seed=1)
    return atoms


if __name__ == "__main__":
    main()
