"""Follow the pores of a trajectory or of a run: the entry points."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carbonize.analysis.averaging import averaged_frames
from carbonize.analysis.pool import ordered_map
from carbonize.errors import InputError
from carbonize.tracking.events import Lives, lives
from carbonize.tracking.footprints import Drift, Grid, footprints, make_grid
from carbonize.tracking.history import Frame
from carbonize.tracking.identity import Tracker
from carbonize.tracking.settings import Settings

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["FEWEST_FRAMES", "follow", "track_run"]

FEWEST_FRAMES = 3
"""With fewer, nothing can be said about the life of pores."""

Watch = Callable[[int], None]


@dataclasses.dataclass(frozen=True)
class _Task:
    """One frame to survey, and where the grid lies in it."""

    index: int
    atoms: Any
    grid: Grid
    origin: np.ndarray
    settings: Settings


def follow(
    frames: Iterable[Atoms], settings: Settings | None = None, jobs: int = 1, watch: Watch | None = None
) -> Lives:
    """Follow the pores of one trajectory.

    Parameters
    ----------
    frames
        In the order of time; number of atoms and cell may change. ``info`` may hold ``step``,
        ``time_ps`` and ``temperature_K``.
    settings
        How pores are found and followed.
    jobs
        Processes that survey frames; the outcome does not depend on it.
    watch
        Called with the number of frames done after each.

    Raises
    ------
    InputError
        For a frame that cannot be analysed, or without frames.
    """
    chosen = settings or Settings()
    tracker: Tracker | None = None
    tasks = _tasks(frames, chosen)
    first = next(tasks, None)
    if first is None:
        raise InputError("no frames to follow pores through")
    tracker = Tracker(first.grid, chosen.analysis.tracking.gap_frames)
    for done, frame in enumerate(ordered_map(_survey, itertools.chain([first], tasks), jobs), start=1):
        tracker.add(frame)
        if watch is not None:
            watch(done)
    return lives(tracker.finish(), chosen)


def track_run(
    trajectories: Mapping[int, Iterable[Atoms]],
    out: Path,
    source: str,
    settings: Settings | None = None,
    jobs: int = 1,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Follow the pores of every replica and write the outputs into a folder.

    Parameters
    ----------
    trajectories
        Frames by number of the replica.
    out
        Made if it is not there; see :mod:`carbonize.tracking.outputs` for its files.
    source
        What the frames are from, to be noted in tracking.json.

    Returns
    -------
    dict
        The content of tracking.json.
    """
    from carbonize.tracking.outputs import write_outputs

    chosen = settings or Settings()
    found: dict[int, Lives] = {}
    done = 0

    def tell(_: int) -> None:
        nonlocal done
        done += 1
        if watch is not None:
            watch(done)

    for replica, frames in sorted(trajectories.items()):
        try:
            found[replica] = follow(frames, chosen, jobs, tell)
        except InputError as err:
            if not str(err).startswith("frame "):  # a reader's message, which names its file
                raise
            where = f"{source}, replica {replica}" if len(trajectories) > 1 else source
            raise InputError(f"{where}, {err}") from None
    return write_outputs(out, source, found, chosen)


def _tasks(frames: Iterable[Atoms], settings: Settings) -> Iterator[_Task]:
    grid: Grid | None = None
    drift: Drift | None = None
    structures = _checked(frames)
    if settings.on == "averaged":
        structures = averaged_frames(structures, settings.window)
    for index, atoms in enumerate(structures):
        if index % settings.every:
            continue
        if grid is None or drift is None:
            grid = make_grid(atoms)
            drift = Drift(grid)
        yield _Task(index, atoms, grid, drift.of(atoms), settings)


def _checked(frames: Iterable[Atoms]) -> Iterator[Atoms]:
    """Frames that can be analysed, or an error that says which cannot."""
    from carbonize.io.validation import validate_atoms

    for index, atoms in enumerate(frames):
        validate_atoms(atoms, f"frame {index}")
        yield atoms


def _survey(task: _Task) -> Frame:
    """The pores of one frame, with their footprints."""
    from carbonize.analysis.pores.survey import survey
    from carbonize.analysis.radii import atom_radii

    atoms, analysis = task.atoms, task.settings.analysis
    try:
        radius = atom_radii(atoms.get_chemical_symbols(), analysis.radii_A)
        found = survey(atoms, radius, analysis.probes_A, analysis.persistence_A, analysis.class_limits_A)
    except InputError as err:
        raise InputError(f"frame {task.index}: {err}") from None
    pores = found.pores
    return Frame(
        index=task.index,
        step=_whole(atoms.info.get("step")),
        time_ps=_number(atoms.info.get("time_ps")),
        temperature_K=_number(atoms.info.get("temperature_K")),
        mass_amu=float(atoms.get_masses().sum()),
        entrance_A=np.array([pore.entrance_A or 0.0 for pore in pores]),
        diameter_A=np.array([pore.diameter_A for pore in pores]),
        volume_A3=np.array([pore.volume_A3 for pore in pores]),
        center_A=np.array([pore.center_A for pore in pores]).reshape(-1, 3),
        class_name=tuple(pore.class_name for pore in pores),
        footprints=footprints(found, task.grid, task.origin),
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    return float(value) if np.isfinite(value) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
