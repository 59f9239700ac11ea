"""Trajectories as GSD files, one a replica; OVITO opens them.

A frame holds what a picture or an analysis needs: positions in single precision,
the coordination of every atom, the absolute step, time and temperature. It is not
enough for a restart; that is what checkpoints are for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from carbonize.errors import CarbonizeError, InputError, first_line
from carbonize.io.gsd_frames import atoms_from_gsd, open_gsd
from carbonize.io.gsd_layout import (
    Layout,
    check_gsd,
    cut_frames,
    grow_index,
    look_again,
    read_layout,
    restore,
)

__all__ = ["TrajectoryReader", "TrajectoryWriter", "make_frame", "set_coordination"]

_MOST_CHUNKS = 64  # a frame of the schema has fewer, besides what is logged


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
    """Appends frames to one replica's file; every frame is on disk when append returns.

    Attributes
    ----------
    steps
        The steps of the frames that the file had when it was opened: an empty list for a new file.
    """

    def __init__(self, path: Path, resume_at: int | None = None) -> None:
        """Open for writing.

        Parameters
        ----------
        path
            The file; started anew unless ``resume_at`` is given.
        resume_at
            Continue an existing file, without its frames after this step and without what a
            killed writer left unfinished.

        Raises
        ------
        CarbonizeError
            If the file cannot be written, or is too damaged to be continued.
        """
        import gsd.hoomd

        self.steps: list[int] = []
        self._path = path
        self._file: Any = None
        try:
            if resume_at is not None and path.exists() and path.stat().st_size > 0:
                self.steps = cut_frames(path, resume_at)
                self._reopen()
            else:
                self._file = gsd.hoomd.open(str(path), "w")
                self._layout = self._look()
        except (OSError, RuntimeError) as err:
            raise self._not_written(err) from None
        except ValueError as err:
            raise CarbonizeError(
                f"{path}: the trajectory is damaged and cannot be continued ({err}); "
                "start again in another folder (--out)"
            ) from None

    def append(self, frame: Any) -> None:
        """Write a frame and force it to disk.

        Raises
        ------
        CarbonizeError
            If the disk is full or fails. The file then has the frames from before, and is closed.
        """
        if self._file is None:
            raise CarbonizeError(f"{self._path}: cannot be written: closed after an earlier error")
        most = _MOST_CHUNKS + len(frame.log)
        try:
            if self._layout.allocated - len(self._layout.entries) <= most:
                # the library would enlarge the index too, but not safely where the disk is full
                file, self._file = self._file, None
                file.close()
                grow_index(self._path)
                self._reopen()
        except (OSError, RuntimeError, ValueError) as err:
            self._give_up()
            raise self._not_written(err) from None
        try:
            self._file.append(frame)
            self._file.flush()
            self._layout = look_again(self._path, self._layout, most)
        except (OSError, RuntimeError, ValueError) as err:
            self._give_up()
            raise self._not_written(err) from None
        except BaseException:
            self._give_up()
            raise

    def close(self) -> None:
        """Close the file.

        Raises
        ------
        CarbonizeError
            If the system reports only now that something was not written.
        """
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.close()
        except (OSError, RuntimeError) as err:
            raise self._not_written(err) from None

    def _reopen(self) -> None:
        import gsd.hoomd

        check_gsd(self._path)
        self._file = gsd.hoomd.open(str(self._path), "r+")
        self._layout = self._look()

    def _look(self) -> Layout:
        with open(self._path, "rb") as file:
            return read_layout(file.fileno())

    def _give_up(self) -> None:
        """Close the file, without the frame that could not be written in full."""
        file, self._file = self._file, None
        with contextlib.suppress(OSError, RuntimeError):
            # the library tries to write once more here, so the file is put right afterwards
            if file is not None:
                file.close()
        with contextlib.suppress(OSError, ValueError):
            restore(self._path, self._layout)

    def _not_written(self, err: Exception) -> CarbonizeError:
        return CarbonizeError(f"{self._path}: cannot be written: {getattr(err, 'strerror', None) or err}")


class TrajectoryReader(Sequence[Any]):
    """A GSD file as a sequence of :class:`ase.Atoms`, read frame by frame when asked."""

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._file: Any = None

    def _open(self) -> Any:
        if self._file is None:
            if not self._path.exists():
                raise InputError(f"{self._path}: no such trajectory")
            if not self._path.is_file():
                raise InputError(f"{self._path}: not a regular file")
            self._file = open_gsd(self._path)
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
        where = f"{self._path}: frame {index}"
        if not -len(self) <= index < len(self):
            raise IndexError(f"{where}: the file has {len(self)} frames")
        try:
            return atoms_from_gsd(self._open()[index], where)
        except InputError:
            raise
        except Exception as err:
            # a damaged file can make the library and ASE raise almost anything
            raise InputError(f"{where} cannot be read ({first_line(err)}); the file is damaged") from None

    def __iter__(self) -> Iterator[Any]:
        for i in range(len(self)):
            yield self[i]

    def __repr__(self) -> str:
        return f"TrajectoryReader({str(self._path)!r}, {len(self)} frames)"
