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
_WARM_UP_CHUNK = 20
_LONGEST_WARM_UP_S = 5.0
_LISTS = 9


def main() -> None:
    """Answer until the input ends."""
    import jax

    from benchmarks.systems import SKIN_A, propagator
    from carbonize.cli.xla import use_compilation_cache

    job = json.loads(Path(sys.argv[1]).read_text())
    jax.config.update("jax_enable_x64", True)
    if job.get("cache", True):
        use_compilation_cache()
    with np.load(job["structure"]) as start:
        positions, cell = start["positions"].astype(job["precision"]), start["cell"]
    run, state = propagator(job["potential"], positions, cell, job["friction_per_ps"])
    begin = time.perf_counter()
    for _ in range(0, job["warm_up"], _WARM_UP_CHUNK):
        state, _ = _advance(run, state, _WARM_UP_CHUNK)
        if time.perf_counter() - begin - run.compile_s > _LONGEST_WARM_UP_S:
            break
    ready = {"skin_A": SKIN_A, "compile_s": run.compile_s}
    print("@" + json.dumps(ready), flush=True)
    for line in sys.stdin:
        word, number = line.split()
        if word == "run":
            state, told = timed(run, state, int(number))
        else:
            told = {"memory": _memory, "lists": _lists}[word](run, state)
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


def _memory(run: Any, state: Any) -> dict[str, float]:
    return {
        "chunk_bytes": run.bytes_needed(state),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _lists(run: Any, state: Any) -> dict[str, float]:
    """Median time of building every list anew."""
    import jax

    from carbonize.potentials.slots import compiler_options
    from carbonize.simulation.cells import wrapped

    build = jax.jit(run.field.lists, compiler_options=compiler_options())
    inside = jax.vmap(wrapped)(state.positions, state.cells)
    jax.block_until_ready(build(inside, state.cells))
    times = []
    for _ in range(_LISTS):
        begin = time.perf_counter()
        jax.block_until_ready(build(inside, state.cells))
        times.append(time.perf_counter() - begin)
    return {"seconds": float(np.median(times))}


if __name__ == "__main__":
    main()
