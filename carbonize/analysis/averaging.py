"""Mean structures: what is left of a structure when thermal motion is averaged out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from carbonize.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["averaged", "averaged_frames", "same_atoms"]


def same_atoms(one: Atoms, other: Atoms) -> bool:
    """Whether two frames hold the same elements in the same order, under the same boundary conditions."""
    return (
        len(one) == len(other)
        and bool((one.numbers == other.numbers).all())
        and bool((one.pbc == other.pbc).all())
    )


def averaged(frames: Sequence[Atoms], middle: int | None = None) -> Atoms:
    """Mean positions and mean cell over neighbouring frames of one trajectory.

    Each frame is laid upon the middle one (``frames[len(frames) // 2]`` unless ``middle`` says
    which): atoms are taken to have gone the shortest way through the periodic boundaries, and a
    drift that all atoms share is left out. ``info`` (step, time, temperature) is the middle frame's.

    Raises
    ------
    InputError
        Without frames, or if they do not hold the same atoms in the same order.
    """
    from ase.geometry import find_mic

    if not frames:
        raise InputError("no frames to average")
    center = frames[len(frames) // 2 if middle is None else middle]
    for frame in frames:
        if not same_atoms(frame, center):
            raise InputError("frames with different atoms (number, elements, order or pbc) have no mean")
    box = center.cell.complete().array
    place = np.linalg.solve(box.T, center.positions.T).T
    total = np.zeros(center.positions.shape)
    for frame in frames:
        # fractional coordinates: a cell that breathes does not move atoms in the material
        here = np.linalg.solve(frame.cell.complete().array.T, frame.positions.T).T
        step = here - place
        step -= _common(step, center.pbc)
        moved = find_mic(step @ box, box, center.pbc)[0]
        total += moved - moved.mean(axis=0)
    mean = center.copy()
    cell = np.mean([frame.cell.array for frame in frames], axis=0)
    mean.set_cell(cell, scale_atoms=False)
    whole = mean.cell.complete().array
    mean.positions = (place + np.linalg.solve(box.T, (total / len(frames)).T).T) @ whole
    mean.wrap()
    return mean


def averaged_frames(frames: Iterable[Atoms], window: int) -> Iterator[Atoms]:
    """Every frame replaced by the mean over ``window`` frames about it.

    At the ends of the trajectory, and where atoms were added or removed, the window is cut to
    the frames that hold the same atoms.

    Raises
    ------
    InputError
        If the window is not an odd number of frames.
    """
    if window < 1 or window % 2 == 0:
        raise InputError(f"the window must be an odd number of frames, got {window}")
    half = window // 2
    held: list[Atoms] = []
    center = 0
    for frame in frames:
        held.append(frame)
        if len(held) - center > half:
            yield _mean_about(held, center, half)
            center += 1
            if center > half:
                held.pop(0)
                center -= 1
    for place in range(center, len(held)):
        yield _mean_about(held, place, half)


def _mean_about(held: Sequence[Atoms], center: int, half: int) -> Atoms:
    """The mean of the frames at most ``half`` away from ``held[center]`` that hold its atoms."""
    first = last = center
    while first > max(0, center - half) and same_atoms(held[first - 1], held[center]):
        first -= 1
    while last < min(len(held) - 1, center + half) and same_atoms(held[last + 1], held[center]):
        last += 1
    return averaged(held[first : last + 1], center - first)


def _common(step: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """The fractional shift that all atoms share: a circular mean along periodic directions."""
    mean = step.mean(axis=0)
    turn = np.angle(np.exp(2j * np.pi * step).mean(axis=0)) / (2 * np.pi)
    return np.where(pbc, turn, mean)
