"""Counts along a trajectory without flicker: an atom is what it is for most of a window of time.

At thousands of kelvin bonds stretch beyond the cutoff and back within femtoseconds, and a frame shows
atoms with too few or too many neighbours that have lost or gained none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from carbonize.analysis.averaging import same_atoms
from carbonize.analysis.bonding import DEFAULT_BOND_CUTOFF_A, coordination
from carbonize.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["add_steady", "check_window", "steady_bonding", "steady_coordination"]


def check_window(window: int) -> int:
    """A window as it is; an :class:`InputError` unless it is an odd number of frames."""
    if window < 1 or window % 2 == 0:
        raise InputError(f"the window must be an odd number of frames, got {window}")
    return window


def steady_coordination(numbers: Int[np.ndarray, "frame atom"]) -> Int[np.ndarray, " atom"]:
    """The number of neighbours that each atom has in most of the frames.

    Of numbers that are equally frequent it is the one of the middle frame, if that is among
    them, else the smallest.

    >>> import numpy as np
    >>> steady_coordination(np.array([[3, 3], [2, 4], [3, 4]])).tolist()
    [3, 4]
    """
    most = int(numbers.max(initial=0))
    counts = np.stack([(numbers == k).sum(axis=0) for k in range(most + 1)])
    counts = 2 * counts
    counts[numbers[len(numbers) // 2], np.arange(numbers.shape[1])] += 1
    return counts.argmax(axis=0)


def steady_bonding(
    frames: Iterable[tuple[int, Atoms]], window: int, cutoff_A: float = DEFAULT_BOND_CUTOFF_A
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Shares of sp, sp2, sp3 and dangling atoms of each frame, each atom by its class in a window about it.

    Parameters
    ----------
    frames
        Numbered structures, in the order of time.
    window
        Frames, an odd number; at the ends, and where atoms change, as many as there are.
    cutoff_A
        Longest bond (A).

    Yields
    ------
    number, dict
        ``window_frames`` (what was asked for), ``frames_used``, ``sp``, ``sp2``, ``sp3``,
        ``dangling``, ``flicker_fraction`` (atoms whose number of neighbours in this frame is not that
        of the window).

    Raises
    ------
    InputError
        If the window is not an odd number of frames.
    """
    check_window(window)
    half = window // 2
    held: list[tuple[int, Atoms, np.ndarray]] = []
    center = 0
    for number, atoms in frames:
        held.append((number, atoms, coordination(atoms, cutoff_A)))
        if len(held) - center > half:
            yield _counts(held, center, half, window)
            center += 1
            if center > half:
                held.pop(0)
                center -= 1
    for place in range(center, len(held)):
        yield _counts(held, place, half, window)


def add_steady(
    results: list[dict[str, Any]],
    frames: Iterable[tuple[int, Atoms]],
    window: int,
    cutoff_A: float = DEFAULT_BOND_CUTOFF_A,
) -> None:
    """Put what :func:`steady_bonding` finds into results of ``analyze`` as ``bonding.steady``.

    ``frames`` are those of the whole trajectory, also if only some were analysed.
    """
    wanted = {result["index"]: result for result in results if "bonding" in result}
    left = set(wanted)
    for number, counts in steady_bonding(frames, window, cutoff_A):
        if number in wanted:
            wanted[number]["bonding"]["steady"] = counts
            left.discard(number)
        if not left:
            return


def _counts(
    held: list[tuple[int, Atoms, np.ndarray]], center: int, half: int, window: int
) -> tuple[int, dict[str, Any]]:
    first = last = center
    while first > max(0, center - half) and same_atoms(held[first - 1][1], held[center][1]):
        first -= 1
    while last < min(len(held) - 1, center + half) and same_atoms(held[last + 1][1], held[center][1]):
        last += 1
    # the middle frame decides between equals: cut windows keep it in the middle of what is stacked
    others = [held[k][2] for k in range(first, last + 1) if k != center]
    others.insert(len(others) // 2 + len(others) % 2, held[center][2])
    steady = steady_coordination(np.stack(others))
    share = np.bincount(np.minimum(steady, 5), minlength=6) / len(steady)
    return held[center][0], {
        "window_frames": window,
        "frames_used": last - first + 1,
        "sp": float(share[2]),
        "sp2": float(share[3]),
        "sp3": float(share[4]),
        "dangling": float(share[0] + share[1]),
        "flicker_fraction": float((steady != held[center][2]).mean()),
    }
