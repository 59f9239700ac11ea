"""Compiles what a suite needs beforehand, a program on every core at a time: while one is measured nothing else may run.

Only what is compiled and the start structures are kept. It is done once for a state of the sources.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.comparison import Case
from benchmarks.processes import ROOT, ChildFailed
from benchmarks.sides import Ours, Unavailable, environment
from benchmarks.starts import base_atoms, cache_folder, start_structure

__all__ = ["warm"]


def warm(
    cases: Sequence[Case], cores: Sequence[int], nep_file: Path | None, note: Callable[[str], None]
) -> None:
    """Fill the caches; what fails here fails again where it is measured, and is named there."""
    marker = cache_folder() / f"compiled-{_digest(cases, nep_file)}"
    if marker.is_file():
        return
    streams = [[core] for core in cores]
    starts = dict.fromkeys((case.potential, base_atoms(n)) for case in cases for n in _sizes(case))
    # the start of NEP's begins with EDIP's
    for wanted in (
        [s for s in starts if s[0] != "nep"],
        [s for s in starts if s[0] == "nep"],
    ):
        _spread(lambda s, core: _start(*s, core, nep_file, note), wanted, streams)
    programs = dict.fromkeys(
        (case.potential, precision, copies, atoms, case.cores)
        for case in sorted(cases, key=lambda case: case.cores)
        for precision in case.precisions
        for copies, atoms in dict.fromkeys([(case.replicas, case.atoms), (1, case.replicas * case.atoms)])
        if copies == case.replicas or case.replicas > 1
    )
    note(f"compiling {len(programs)} programs, {len(streams)} at a time")
    with tempfile.TemporaryDirectory(prefix="carbonize-warm-") as folder:
        place = Path(folder)
        one = [p for p in programs if p[4] == 1]
        more = [p for p in programs if p[4] > 1]
        _spread(lambda p, core: _compile(p, core, place, nep_file, note), one, streams)
        _spread(lambda p, _: _compile(p, list(cores), place, nep_file, note), more, [list(cores)])
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _spread(task: Callable[[Any, list[int]], None], jobs: Sequence[Any], streams: list[list[int]]) -> None:
    """Every stream takes the next job when it is done with one."""
    waiting = iter(jobs)

    def work(cores: list[int]) -> None:
        for job in waiting:
            task(job, cores)

    with ThreadPoolExecutor(len(streams)) as threads:
        list(threads.map(work, streams))


def _sizes(case: Case) -> list[int]:
    """Atoms of the runs of a case."""
    return [case.atoms] if case.replicas == 1 else [case.atoms, case.replicas * case.atoms]


def _start(
    potential: str, base: int, cores: list[int], nep_file: Path | None, note: Callable[[str], None]
) -> None:
    with contextlib.suppress(ChildFailed, Unavailable):
        start_structure(potential, base, cores, environment(potential, nep_file, False), note)


def _compile(
    program: tuple[str, str, int, int, int],
    cores: list[int],
    folder: Path,
    nep_file: Path | None,
    note: Callable[[str], None],
) -> None:
    potential, precision, copies, atoms, count = program
    with contextlib.suppress(ChildFailed, Unavailable):
        env = environment(potential, nep_file, False)
        positions, cell = start_structure(potential, atoms, cores, env, note)
        batch = np.repeat(positions[None], copies, axis=0)
        place = Path(tempfile.mkdtemp(dir=folder))
        Ours(potential, precision, batch, cell, cores[:count], place, env).close()


def _digest(cases: Sequence[Case], nep_file: Path | None) -> str:
    """Of what is compiled: sources, libraries and cases."""
    digest = hashlib.sha256(repr((list(cases), str(nep_file))).encode())
    for library in ("jax", "jaxlib", "numba"):
        digest.update(version(library).encode())
    for path in sorted((ROOT / "carbonize").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
