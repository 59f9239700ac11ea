"""Analyses beside a simulation: begun when a frame is there, told in order, never lost.

What is analysed waits in a short queue that worker processes empty. Whoever asks for a place in
a full queue, or for its end, works on it as well; and what dies with a worker is done here. So
the results are those of doing everything here, one after the other.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from carbonize.analysis.pool import Pool, WorkerDied
from carbonize.config.models import AnalysisConfig
from carbonize.errors import CarbonizeError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["AnalysesBeside", "Job", "Outcome", "analyse"]

_NICENESS = 5  # the simulation goes first
_MOST_POOLS = 3  # what kills this many workers in turn would kill more
_LOOK_EVERY_S = 0.25


@dataclasses.dataclass(frozen=True)
class Job:
    """One structure to be analysed.

    Attributes
    ----------
    atoms, settings
        The structure, and the protocol's ``analysis``.
    parts
        Of :data:`carbonize.analysis.frame.PARTS`; all but "bonding" may fail.
    """

    atoms: Atoms
    settings: AnalysisConfig
    parts: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an analysis found.

    Attributes
    ----------
    frame
        As :func:`carbonize.analysis.frame.analyze` returns it, as far as it could be analysed.
    failures
        What could not, in sentences.
    broken
        Whether the structure itself is to blame: not even bonds can be counted.
    seconds
        How long it took.
    beside
        Whether another process did it.
    """

    frame: dict[str, Any]
    failures: tuple[str, ...]
    broken: bool
    seconds: float
    beside: bool = True


def analyse(job: Job) -> Outcome:
    """Analyse one structure; where a part fails, with less."""
    from carbonize.analysis.frame import DEFAULT_PARTS, FIRST_AND_LAST, LAST_ONLY, analyze

    began = time.perf_counter()
    settings = job.settings
    options: dict[str, Any] = {
        "radii": settings.radii_A,
        "probes": settings.probes_A,
        "bond_cutoff_A": settings.bond_cutoff_A,
        "persistence_A": settings.persistence_A,
        "class_limits": settings.class_limits_A,
        "radius_uncertainty_A": settings.radius_uncertainty_A,
    }
    first = tuple(part for part in job.parts if part not in LAST_ONLY)
    fewer = tuple(part for part in first if part not in FIRST_AND_LAST)
    frame: dict[str, Any] = {"index": 0, "n_atoms": len(job.atoms)}
    failures: list[str] = []
    broken = False
    quick = tuple(part for part in DEFAULT_PARTS if part in job.parts)
    for parts in filter(None, dict.fromkeys((job.parts, first, fewer, quick, ("bonding",)))):
        try:
            frame = analyze(job.atoms, what=parts, **options)
            break
        except CarbonizeError as err:
            broken = parts == ("bonding",)
            failures.append(str(err))
        except Exception as err:
            # neither a defect nor memory that ran out must end a run of days
            failures.append(f"{type(err).__name__}: {err}")
    return Outcome(frame, tuple(dict.fromkeys(failures)), broken, time.perf_counter() - began)


class AnalysesBeside:
    """A queue of analyses and the workers that empty it.

    Parameters
    ----------
    workers
        Processes; 0 analyses here, at once.
    most_waiting
        How many structures the queue holds.
    on_death
        Told which structure (its key, or None) and what the matter is, when a worker died or
        cannot be started.
    """

    def __init__(self, workers: int, most_waiting: int, on_death: Callable[[Any, str], None]) -> None:
        self._workers = workers
        self._most_waiting = most_waiting
        self._on_death = on_death
        self._waiting: deque[tuple[Any, Job, Future[Outcome] | Outcome]] = deque()
        self._pool: Pool | None = None
        self._pools_left = _MOST_POOLS if workers else 0

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return self._pool.pids if self._pool is not None else []

    def __len__(self) -> int:
        return len(self._waiting)

    def warm_up(self) -> None:
        """Let the workers load and compile what analyses need, before there is anything to analyse."""
        for _ in range(self._workers):
            self._begin(_warm_up, None)

    def submit(self, key: Any, job: Job) -> None:
        """Put a structure into the queue; where it is full, help to empty it."""
        while len(self._unfinished()) >= self._most_waiting:
            self._help()
        self._waiting.append((key, job, self._begin(analyse, job) or _here(job)))

    def finished(self) -> Iterator[tuple[Any, Outcome]]:
        """Keys and outcomes of what is done, in the order in which it was submitted."""
        while self._waiting:
            key, job, result = self._waiting[0]
            if isinstance(result, Future):
                if not result.done():
                    return
                result = self._outcome(key, job, result)
            self._waiting.popleft()
            yield key, result

    def help(self) -> None:
        """Do one analysis that nobody has begun, or wait a moment."""
        if self._unfinished():
            self._help()

    def close(self) -> None:
        """End the workers; what is not finished is dropped."""
        pool, self._pool, self._pools_left = self._pool, None, 0
        self._waiting.clear()
        if pool is not None:
            pool.close()

    def _begin(self, function: Callable[[Any], Any], argument: Any) -> Future[Any] | None:
        """A future, or None where there is nobody to do it."""
        if self._pool is not None and self._pool.broken:
            self._pool.close()
            self._pool = None
        try:
            if self._pool is None:
                if not self._pools_left:
                    return None
                self._pools_left -= 1
                self._pool = Pool(self._workers, _NICENESS)
            return self._pool.submit(function, argument)
        except CarbonizeError as err:
            self._on_death(None, str(err))
            self._pool, self._pools_left = None, 0
            return None

    def _unfinished(self) -> list[Future[Outcome]]:
        return [f for _, _, f in self._waiting if isinstance(f, Future) and not f.done()]

    def _help(self) -> None:
        for place, (key, job, result) in enumerate(self._waiting):
            if isinstance(result, Future) and not result.done() and result.cancel():
                self._waiting[place] = (key, job, _here(job))
                return
        wait(self._unfinished()[:1], timeout=_LOOK_EVERY_S)

    def _outcome(self, key: Any, job: Job, future: Future[Outcome]) -> Outcome:
        try:
            return future.result()
        except WorkerDied as err:
            self._on_death(key, str(err))
        return _here(job)


def _here(job: Job) -> Outcome:
    return dataclasses.replace(analyse(job), beside=False)


def _warm_up(_: None) -> None:
    from ase.build import bulk

    crystal = bulk("C", "sc", a=8.0)
    analyse(Job(crystal, AnalysisConfig(), ("bonding", "pores")))
