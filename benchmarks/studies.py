"""What one program costs by itself: lists, compilation, memory, and how time grows with size.

Every study returns a table in markdown and the same rows as dictionaries.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sides import Ours
from benchmarks.starts import start_structure

__all__ = ["study", "table"]

_SIZES = (1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 125_000, 250_000)
_FEW_SIZES = (1000, 8000, 64_000)
_COPIES = (1, 2, 4, 8, 16, 32)
_COPY_ATOMS = 512
_SEGMENT_S = 1.0
_LEAST_STEPS = 40

Row = dict[str, Any]


def study(
    what: str,
    potential: str,
    precisions: Sequence[str],
    atoms: int | None,
    cores: Sequence[int],
    env: dict[str, str],
    note: Callable[[str], None],
) -> list[Row]:
    """Rows of one study (``benchmarks.md.STUDIES``); ``atoms`` restricts it to one size."""
    sizes = (atoms,) if atoms else _SIZES if what == "scaling" else _FEW_SIZES
    if what == "compile":
        sizes = (atoms or 1000,)
    cases = [(size, 1) for size in sizes]
    if what == "replicas":
        cases = [(atoms or _COPY_ATOMS, copies) for copies in _COPIES]
    rows = []
    for precision in precisions:
        for size, copies in cases:
            note(f"{what}: {potential} {precision}, {copies} of {size} atoms")
            positions, cell = start_structure(potential, size, cores, env, note)
            batch = np.repeat(positions[None], copies, axis=0)
            row: Row = {"potential": potential, "precision": precision, "atoms": size, "replicas": copies}
            with tempfile.TemporaryDirectory(prefix="carbonize-bench-") as name:

                def start(
                    more: dict[str, str], batch: Any = batch, cell: Any = cell, name: str = name
                ) -> Ours:
                    return Ours(potential, precision, batch, cell, cores, Path(name), env | more)  # noqa: B023

                row |= _compile(start, Path(name)) if what == "compile" else _measure(what, start({}), batch)
            rows.append(row)
    return rows


def table(rows: list[Row]) -> str:
    """Rows as markdown; columns are the keys of the first."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        cells = [f"{row[c]:.4g}" if isinstance(row[c], float) else str(row[c]) for c in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _measure(what: str, ours: Ours, batch: np.ndarray) -> Row:
    atoms = batch.shape[0] * batch.shape[1]
    try:
        if what == "memory":
            told = ours.ask("memory")
            return {
                "chunk B/atom": told["chunk_bytes"] / atoms,
                "chunk MB": told["chunk_bytes"] / 1e6,
                "peak RSS MB": told["peak_rss_bytes"] / 1e6,
            }
        trial = ours.run(_LEAST_STEPS)
        steps = max(_LEAST_STEPS, round(_SEGMENT_S * trial.steps / trial.seconds))
        segments = [ours.run(steps) for _ in range(3)]
        step_s = float(np.median([s.seconds / s.steps for s in segments]))
        if what == "lists":
            rebuild_s = ours.ask("lists")["seconds"]
            every = sum(s.steps for s in segments) / sum(s.rebuilds for s in segments)
            return {
                "one list, ms": 1e3 * rebuild_s,
                "ns/atom": 1e9 * rebuild_s / atoms,
                "steps between": every,
                "share of a step, %": 100 * rebuild_s / every / step_s,
                "skin, A": ours.ready["skin_A"],
            }
        return {
            "ms/step": 1e3 * step_s,
            "ns/atom-step": 1e9 * step_s / atoms,
            "M atom-steps/s": atoms / step_s / 1e6,
        }
    finally:
        ours.close()


def _compile(start: Callable[[dict[str, str]], Ours], folder: Path) -> Row:
    """Seconds of compiling a run's program, in a new process with empty caches and in a second one."""
    cache = {
        "NUMBA_CACHE_DIR": str(folder / "loops"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "xla"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "1.0",
    }
    seconds = []
    for _ in range(2):
        ours = start(cache)
        seconds.append(float(ours.ready["compile_s"]))
        ours.close()
    return {"first, s": seconds[0], "cached, s": seconds[1]}
