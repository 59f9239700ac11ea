"""Our side of a comparison: ``python -m benchmarks.ours JOB``, which takes ``run N`` and answers in JSON.

A segment is what a run does: chunks of steps through :meth:`Propagator.advance`, each of which
builds its first list, evaluates the forces of its start and reports.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

CHUNK = 200
"""Steps between two reports, as in a run."""


def main() -> None:
    """Answer until the input ends."""
    import jax

    from benchmarks.systems import SKIN_A, propagator
    from carbonize.cli.run import use_compilation_cache

    job = json.loads(Path(sys.argv[1]).read_text())
    jax.config.update("jax_enable_x64", True)
    if job.get("cache", True):
        use_compilation_cache()
    with np.load(job["structure"]) as start:
        positions, cell = start["positions"].astype(job["precision"]), start["cell"]
    run, state = propagator(job["potential"], positions, cell, job["friction_per_ps"])
    begin = time.perf_counter()
    state, _ = _advance(run, state, job["warm_up"])
    ready = {"skin_A": SKIN_A, "compile_s": run.compile_s, "warm_up_s": time.perf_counter() - begin}
    print("@" + json.dumps(ready), flush=True)
    for line in sys.stdin:
        word, number = line.split()
        if word == "run":
            state, told = timed(run, state, int(number))
        else:
            told = _memory(run)
        print("@" + json.dumps(told), flush=True)


def timed(run: Any, state: Any, steps: int) -> tuple[Any, dict[str, float]]:
    """A segment; one in which arrays grew is done again, since a run of any length compiles few times."""
    while True:
        compiled = run.compile_s
        begin = time.perf_counter()
        new, reports = _advance(run, state, steps)
        elapsed = time.perf_counter() - begin
        if run.compile_s == compiled:
            break
    atoms = new.positions.shape[1]
    told = {
        "seconds": elapsed,
        "steps": steps,
        "temperature_K": float(np.mean([r.temperature_K for r in reports])),
        "energy_eV_per_atom": float(np.mean([r.potential_eV for r in reports])) / atoms,
        "rebuilds": int(sum(int(r.rebuilds[0]) for r in reports)),
    }
    return new, told


def _advance(run: Any, state: Any, steps: int) -> tuple[Any, list[Any]]:
    reports = []
    left = steps
    while left > 0:
        state, report, failures = run.advance(state, min(left, CHUNK))
        if failures:
            raise SystemExit(failures[0].message)
        reports.append(report)
        left -= CHUNK
    return state, reports


def _memory(run: Any) -> dict[str, float]:
    compiled = run._compiled.memory_analysis()
    return {
        "arguments_bytes": compiled.argument_size_in_bytes,
        "temporary_bytes": compiled.temp_size_in_bytes,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


if __name__ == "__main__":
    main()
