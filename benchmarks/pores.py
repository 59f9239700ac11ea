"""How fast pores are found, beside Zeo++ and by size.

Disordered carbon with round pores (random packing, made on the fly) is analysed by carbonize and, up
to a few thousand atoms, by Zeo++ through pyzeo, on the same cells in one run. Every measurement is
a process of its own on one core; its time begins after a first small structure, so that compiling
and importing do not count, and its memory is the most that the process ever held. Ends with lines
such as

    RATIO pores spheres 4000 1core 250 vs zeo++

Zeo++'s time for the largest included and free sphere divided by ours for both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["main"]

_EXAMPLES = """examples:
  python -m benchmarks.pores
  python -m benchmarks.pores --atoms 500 1000 --peers 500
  python -m benchmarks.pores --large
"""
_SPHERES_GOAL = 100.0
_GOALS = {64_000: (10.0, 1.0), 1_000_000: (180.0, 8.0)}
"""Seconds and GB for four probes with volumes, areas and pores."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description="How fast pores are found, beside Zeo++ and by size.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--atoms", type=int, nargs="+", default=[1000, 4000, 64_000], help="sizes to analyse")
    parser.add_argument(
        "--peers", type=int, nargs="*", default=[1000, 4000], help="sizes to give to Zeo++ too"
    )
    parser.add_argument("--large", action="store_true", help="a million atoms too")
    parser.add_argument(
        "--mixed", action="store_true", help="with a quarter hydrogen, radii 1.7 and 1.1 A, too"
    )
    parser.add_argument("--core", type=int, default=0, help="the core to run on (default: 0)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    sizes = sorted({*arguments.atoms, *arguments.peers, *([1_000_000] if arguments.large else [])})
    rows, ratios = [], []
    print(f"{'atoms':>9} {'what':<28} {'time':>9} {'memory':>9} {'Di':>9} {'Df':>9}  goal")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            structure = Path(folder) / "carbon.npz"
            _run({"job": "make", "atoms": size, "structure": str(structure)}, arguments.core)
            jobs = [("spheres", False)] if size in arguments.peers else []
            jobs += [("pores", False)] + ([("pores", True)] if arguments.mixed else [])
            for job, mixed in jobs:
                row = _run({"job": job, "structure": str(structure), "mixed": mixed}, arguments.core)
                rows.append({"atoms": size, "what": job, "mixed": mixed, **row})
                _show(rows[-1])
            if size in arguments.peers:
                peer = _run({"job": "zeo", "structure": str(structure), "folder": folder}, arguments.core)
                rows.append({"atoms": size, "what": "zeo", "mixed": False, **peer})
                _show(rows[-1])
                ours = next(row for row in rows if row["atoms"] == size and row["what"] == "spheres")
                ratio = peer["seconds"] / ours["seconds"]
                apart = max(abs(peer[key] - ours[key]) for key in ("included_A", "free_A"))
                ratios.append(
                    f"RATIO pores spheres {size} 1core {ratio:.0f} vs zeo++ (results {apart:.5f} A apart"
                    + (f"; goal {_SPHERES_GOAL:.0f})" if size == 4000 else ")")
                )
    print("\n".join(ratios))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


def _run(job: dict[str, Any], core: int) -> dict[str, Any]:
    """What one process of benchmarks.pores_job found, pinned to a core where that can be done."""

    def pin() -> None:
        if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
            os.sched_setaffinity(0, {core})

    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "benchmarks.pores_job", json.dumps(job)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, preexec_fn=pin, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{job['job']} failed:\n{done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _show(row: dict[str, Any]) -> None:
    names = {"spheres": "Di and Df", "zeo": "Di and Df, Zeo++", "pores": "4 probes, volumes, pores"}
    name = names[row["what"]] + (", C and H" if row["mixed"] else "")
    goal = ""
    if row["what"] == "pores" and not row["mixed"] and row["atoms"] in _GOALS:
        seconds, memory = _GOALS[row["atoms"]]
        goal = f"{seconds:.0f} s, {memory:.0f} GB"
    print(
        f"{row['atoms']:>9} {name:<28} {row['seconds']:>7.2f} s {row['memory_GB']:>6.2f} GB "
        f"{row['included_A']:>9.5f} {row['free_A']:>9.5f}  {goal}",
        flush=True,
    )


if __name__ == "__main__":
    main()
