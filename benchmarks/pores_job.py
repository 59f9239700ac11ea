"""One measurement of benchmarks/pores.py: ``python -m benchmarks.pores_job JOB`` answers in JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

RADIUS_A = 1.7
HYDROGEN_RADIUS_A = 1.1
PROBES_A = {"He": 2.6, "CO2": 3.3, "N2": 3.64, "EC": 5.7}
_VOLUME_PER_ATOM_A3 = 20.0  # 1.0 g/cm3
_NEAREST_A = 1.35
_PORE_RADIUS_A = 6.0
_PORE_PART = 0.3  # of the volume


def main() -> None:
    """Do one job."""
    job = json.loads(sys.argv[1])
    if job["job"] == "make":
        positions, cell = disordered_carbon(job["atoms"], seed=job["atoms"])
        np.savez(job["structure"], positions=positions, cell=cell)
        print("{}")
        return
    with np.load(job["structure"]) as start:
        positions, cell = start["positions"], start["cell"]
    if job["job"] == "zeo":
        told = zeo(positions, cell, Path(job["folder"]))
    else:
        told = ours(positions, cell, job["job"], job["mixed"])
    print(json.dumps(told))


def disordered_carbon(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Atoms at least 1.35 A apart between round pores, and their cubic cell."""
    from scipy.spatial import KDTree

    random = np.random.default_rng(seed)
    length = (count * _VOLUME_PER_ATOM_A3) ** (1 / 3)
    pores = max(1, round(_PORE_PART * length**3 / (4 / 3 * np.pi * _PORE_RADIUS_A**3)))
    holes = KDTree(random.uniform(0, length, (pores, 3)), boxsize=length)
    found = np.empty((0, 3))
    while len(found) < count:
        trial = random.uniform(0, length, (count, 3))
        trial = trial[holes.query(trial)[0] > min(_PORE_RADIUS_A, 0.3 * length)]
        points = np.concatenate([found, trial])
        pairs = KDTree(points, boxsize=length).query_pairs(_NEAREST_A, output_type="ndarray")
        gone = np.zeros(len(points), dtype=bool)
        gone[pairs.max(axis=1)] = True  # of two that are too close the later goes
        found = points[~gone][:count]
    return found, np.eye(3) * length


def ours(positions: np.ndarray, cell: np.ndarray, what: str, mixed: bool) -> dict[str, Any]:
    """Time, memory and largest spheres of carbonize."""
    from ase import Atoms

    from carbonize.analysis.pores.embedding import embed
    from carbonize.analysis.pores.merging import merge_tree
    from carbonize.analysis.pores.network import build_network
    from carbonize.analysis.pores.summary import pore_summary
    from carbonize.analysis.pores.tessellation import tessellate

    def analyse(atoms: Atoms) -> tuple[float, float]:
        if what == "spheres":
            cell = embed(atoms).cell
            network = build_network(tessellate(atoms.positions, cell))
            free = merge_tree(network, RADIUS_A, PROBES_A["He"] / 2, 0.5).winding_level
            return 2 * (float(network.radius.max()) - RADIUS_A), 2 * (free - RADIUS_A)
        radii = np.full(len(atoms), RADIUS_A)
        if mixed:
            radii[::4] = HYDROGEN_RADIUS_A
        result = pore_summary(atoms, radii, PROBES_A)
        return result["largest_included_sphere_A"], result["largest_free_sphere_A"] or 0.0

    first_positions, first_cell = disordered_carbon(60, 1)
    analyse(Atoms("C60", positions=first_positions, cell=first_cell, pbc=True))
    atoms = Atoms(["C"] * len(positions), positions=positions, cell=cell, pbc=True)
    begin = time.perf_counter()
    included, free = analyse(atoms)
    return _told(time.perf_counter() - begin, included, free)


def zeo(positions: np.ndarray, cell: np.ndarray, folder: Path) -> dict[str, Any]:
    """Time, memory and largest spheres of Zeo++; reading the cell does not count."""
    from pyzeo.netstorage import AtomNetwork

    (folder / "radii.rad").write_text(f"C {RADIUS_A}\n")
    lengths = " ".join(f"{cell[axis, axis]:.10f}" for axis in range(3))
    lines = [lengths, "90 90 90 SPGR = 1 P 1 OPT = 1", f"{len(positions)} 0", "0 cell : cell"]
    for number, (x, y, z) in enumerate(positions @ np.linalg.inv(cell), start=1):
        lines.append(f"{number} C {x:.12f} {y:.12f} {z:.12f} 0 0 0 0 0 0 0 0 0.0")
    (folder / "cell.cssr").write_text("\n".join(lines) + "\n")
    network = AtomNetwork.read_from_CSSR(str(folder / "cell.cssr"), rad_file=str(folder / "radii.rad"))
    begin = time.perf_counter()
    network.calculate_free_sphere_parameters(str(folder / "out.res"))
    seconds = time.perf_counter() - begin
    _, included, free, *_ = (folder / "out.res").read_text().split()
    return _told(seconds, float(included), float(free))


def _told(seconds: float, included: float, free: float) -> dict[str, Any]:
    scale = 1e9 if sys.platform == "darwin" else 1e6  # bytes or kB
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    return {"seconds": seconds, "memory_GB": memory, "included_A": included, "free_A": free}


if __name__ == "__main__":
    main()
