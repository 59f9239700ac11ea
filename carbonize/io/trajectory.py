"""Trajectories as GSD files, one a replica; OVITO opens them.

A frame holds what a picture or an analysis needs: positions in single precision,
the coordination of every atom, the absolute step, time and temperature. It is not
enough for a restart; that is what checkpoints are for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from carbonize.errors import CarbonizeError, InputError
from carbonize.io.frames import atoms_from_gsd

__all__ = ["TrajectoryReader", "TrajectoryWriter", "make_frame"]


def make_frame(
    positions: np.ndarray,
    cell: np.ndarray,
    symbols: Sequence[str],
    masses_amu: np.ndarray,
    step: int,
    scalars: dict[str, float],
) -> Any:
    """A GSD frame.

    Parameters
    ----------
    positions
        Shape (atom, 3), A; need not be wrapped.
    cell
        Lower triangular with a positive diagonal, rows are vectors, A.
    symbols, masses_amu
        Per atom.
    step
        Absolute step.
    scalars
        ``time_ps``, ``temperature_K``, ``target_K``.
    """
    import gsd.hoomd

    cell = np.asarray(cell, float)
    lx, ly, lz = (float(cell[i, i]) for i in range(3))
    fractional = np.asarray(positions, float) @ np.linalg.inv(cell)
    fractional -= np.floor(fractional)
    types = sorted(set(symbols))
    frame: Any = gsd.hoomd.Frame()
    frame.configuration.step = step
    box = [lx, ly, lz, cell[1, 0] / ly, cell[2, 0] / lz, cell[2, 1] / lz]
    # rounded as the file will round it, so that the frame in memory is the frame on disk
    frame.configuration.box = [float(value) for value in np.asarray(box, np.float32)]
    frame.particles.N = len(symbols)
    frame.particles.types = types
    frame.particles.typeid = np.array([types.index(s) for s in symbols], np.uint32)
    frame.particles.mass = np.asarray(masses_amu, np.float32)
    # HOOMD's box is centred on the origin
    frame.particles.position = ((fractional - 0.5) @ cell).astype(np.float32)
    for key, value in scalars.items():
        frame.log[f"carbonize/{key}"] = np.array([value], np.float64)
    return frame


def set_coordination(frame: Any, coordination: np.ndarray) -> None:
    """Attach per-atom coordination to a frame (OVITO shows it as a particle property)."""
    frame.log["particles/coordination"] = np.asarray(coordination, np.uint32)


class TrajectoryWriter:
    """Appends frames to one replica's file; every frame is on its way to disk when append returns."""

    def __init__(self, path: Path, resume_at: int | None = None) -> None:
        """Open for writing.

        Parameters
        ----------
        path
            The file; started anew unless ``resume_at`` is given.
        resume_at
            Continue an existing file, without its frames after this step.
        """
        import gsd.hoomd

        self._path = path
        try:
            if resume_at is not None and path.exists():
                _cut_frames(path, resume_at)
                self._file = gsd.hoomd.open(str(path), "r+")
            else:
                self._file = gsd.hoomd.open(str(path), "w")
        except OSError as err:
            raise CarbonizeError(f"{path}: cannot be written: {err.strerror or err}") from None

    def append(self, frame: Any) -> None:
        """Write a frame and flush it."""
        try:
            self._file.append(frame)
            self._file.flush()
        except (OSError, RuntimeError) as err:
            raise CarbonizeError(f"{self._path}: cannot be written: {err}") from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _cut_frames(path: Path, last_step: int) -> None:
    """Drop the frames after ``last_step`` by copying the others aside and renaming."""
    import gsd.hoomd

    aside = path.with_name(f".{path.name}.tmp")
    with gsd.hoomd.open(str(path), "r") as old:
        steps = [int(frame.configuration.step) for frame in old]
        if all(step <= last_step for step in steps):
            return
        with gsd.hoomd.open(str(aside), "w") as new:
            for i, step in enumerate(steps):
                if step <= last_step:
                    new.append(old[i])
            new.flush()
    aside.replace(path)


class TrajectoryReader(Sequence[Any]):
    """A GSD file as a sequence of :class:`ase.Atoms`, read frame by frame when asked."""

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._file: Any = None

    def _open(self) -> Any:
        if self._file is None:
            import gsd.hoomd

            try:
                self._file = gsd.hoomd.open(str(self._path), "r")
            except FileNotFoundError:
                raise InputError(f"{self._path}: no such trajectory") from None
            except (OSError, RuntimeError) as err:
                raise InputError(f"{self._path}: not a readable GSD file: {err}") from None
        return self._file

    def __len__(self) -> int:
        return len(self._open())

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return atoms_from_gsd(self._open()[index], f"{self._path}: frame {index}")

    def __iter__(self) -> Iterator[Any]:
        for i in range(len(self)):
            yield self[i]

    def __repr__(self) -> str:
        return f"TrajectoryReader({str(self._path)!r}, {len(self)} frames)"
