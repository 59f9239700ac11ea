"""How fast shortest-path rings are found, beside matscipy and by size.

Disordered carbon (copies of the precursor of 1,000 atoms; bonds up to 1.85 A) and graphite with displaced
atoms are given to both on the same cells in one run, bonds included, rings of up to 12 atoms.
The two take turns; the best of each counts, in seconds of the processor (neither uses a second core). Ends with
lines such as

    RATIO rings disordered 10000 1core 12.3 vs matscipy

matscipy's time divided by ours. Larger sizes, which matscipy's map of all distances has no memory for, are
timed alone.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

__all__ = ["main"]

_GOAL = 10.0


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atoms", type=int, nargs="+", default=[1000, 10_000], help="sizes given to both")
    parser.add_argument("--alone", type=int, nargs="*", default=[64_000, 100_000], help="sizes for us only")
    parser.add_argument("--rounds", type=int, default=3, help="turns")
    parser.add_argument("--core", type=int, default=0, help="the core to run on (default: 0)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity") and arguments.core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {arguments.core})
    _ours(disordered(1000))
    rows: list[dict[str, Any]] = []
    ratios = []
    for size in sorted({*arguments.atoms, *arguments.alone}):
        for name, make in (("disordered", disordered), ("graphitic", graphitic)):
            atoms = make(size)
            both = size in arguments.atoms
            best = {"ours": np.inf, "matscipy": np.inf}
            counts = {}
            for _ in range(arguments.rounds if both else 1):
                for who, what in (("ours", _ours), ("matscipy", _theirs)):
                    if who == "ours" or both:
                        began = time.process_time()
                        counts[who] = what(atoms)
                        best[who] = min(best[who], time.process_time() - began)
            sheets = _sheets(atoms)
            rows.append({"atoms": len(atoms), "kind": name, "sheets_s": sheets, **best})
            print(
                f"{len(atoms):>8} {name:<11} rings {best['ours']:>7.3f} s   matscipy {best['matscipy']:>8.3f} s   "
                f"sheets {sheets:>6.3f} s   {int(counts['ours'].sum())} rings",
                flush=True,
            )
            if both:
                same = "the same counts" if (counts["ours"] == counts["matscipy"]).all() else "COUNTS DIFFER"
                goal = f"; goal {_GOAL:.0f}" if size == 10_000 else ""
                ratios.append(
                    f"RATIO rings {name} {size} 1core {best['matscipy'] / best['ours']:.1f} vs matscipy ({same}{goal})"
                )
    print("\n".join(ratios))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


def disordered(size: int) -> Atoms:
    """Copies of the shipped precursor of 1,000 atoms side by side: all coordinations and ring sizes."""
    from ase.io import read

    one = read(Path(__file__).parents[1] / "structures" / "precursor-1000.extxyz")
    assert isinstance(one, Atoms)
    times = max(1, size // 1000)
    first = next(n for n in range(round(times ** (1 / 3)), 0, -1) if times % n == 0)
    second = next(n for n in range(round((times // first) ** 0.5), 0, -1) if times // first % n == 0)
    return one.repeat((first, second, times // first // second))


def graphitic(size: int) -> Atoms:
    """Layers of graphene, displaced by 0.1 A."""
    from ase.build import graphene

    edge = max(2, round((size / 8) ** 0.5))
    sheet = graphene(a=2.46, size=(edge, edge, 1))
    cell = sheet.cell.array.copy()
    cell[2] = [0, 0, 3.354]
    sheet.set_cell(cell)
    sheet.pbc = True
    solid = sheet.repeat((1, 1, 4))
    solid.rattle(0.1, seed=1)
    return solid


def _ours(atoms: Atoms) -> np.ndarray:
    from carbonize.analysis.rings import shortest_path_rings

    return np.bincount(shortest_path_rings(atoms).sizes, minlength=13)[3:13]


def _theirs(atoms: Atoms) -> np.ndarray:
    from matscipy.ffi import distances_on_graph, find_sp_rings
    from matscipy.neighbours import neighbour_list

    first, second, vector = neighbour_list("ijD", atoms, 1.85)
    # its walkers turn at half of the limit, rounded down: for rings of 12 it has to be 13
    found = find_sp_rings(first, second, vector, distances_on_graph(first, second), 13)
    return np.append(found, np.zeros(13))[3:13].astype(int)


def _sheets(atoms: Atoms) -> float:
    from carbonize.analysis.sheets.summary import sheet_summary

    sheet_summary(graphitic(32))
    began = time.process_time()
    sheet_summary(atoms)
    return time.process_time() - began


if __name__ == "__main__":
    main()
