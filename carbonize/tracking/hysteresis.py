"""Which side of a limit an entrance is on, when it trembles: hysteresis in time and in diameter.

An entrance at 3,000 K crosses a limit many times before it has closed. The state that is
held is the sequence that explains the measured entrances at the least cost: each frame that
contradicts the state costs the square of its distance to the limit in units of the hysteresis,
at most 1, and each change of the state costs a fixed price. This is a hidden Markov model
solved exactly (Viterbi, IEEE Trans. Inf. Theory 13, 260 (1967)) - for all limits at once, so
that who lets in a wide probe lets in a narrow one. A change is dated where the entrance
crossed, not where it became certain.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numba import njit

__all__ = ["held_levels", "tremble"]


def tremble(entrance_A: Float[np.ndarray, " frame"]) -> float:
    """Standard deviation (A) of an entrance about its course, from its second differences.

    Steady narrowing counts as no noise, and the largest tenth of the differences (two at least)
    is left out: those are steps. Frames without the pore (nan) are passed over.

    Examples
    --------
    >>> tremble(np.linspace(6.0, 2.0, 20)) < 1e-12
    True
    """
    known = entrance_A[~np.isnan(entrance_A)]
    if len(known) < 3:
        return 0.0
    bends = np.sort(np.abs(known[1:-1] - (known[:-2] + known[2:]) / 2))
    steps = min(max(2, -(-len(bends) // 10)), len(bends) - 1)
    # the mean size of such a difference of Gaussian noise is sqrt(3 / pi) standard deviations
    return float(bends[: len(bends) - steps].mean() / np.sqrt(3 / np.pi))


def held_levels(
    entrance_A: Float[np.ndarray, " frame"],
    thresholds_A: Float[np.ndarray, " threshold"],
    hysteresis_A: float,
    hold_frames: int,
    before: int = -1,
) -> Int[np.ndarray, " frame"]:
    """Number of thresholds that the entrance is held to be at or above, at each frame.

    Parameters
    ----------
    entrance_A
        Entrance diameters; 0 where nothing enters, nan in frames without the pore.
    thresholds_A
        Rising.
    hysteresis_A
        A frame this far beyond a threshold contradicts the state fully, a nearer one by the square
        of the share; 0: fully, however near.
    hold_frames
        So many frames that contradict fully make an excursion count, one less does not. At the
        ends of the record, where the return is not seen, half as many do.
    before
        Level of the void before the first frame; -1 if it has no past.

    Examples
    --------
    >>> neck = np.array([3.6, 3.5, 3.1, 3.5, 3.4, 3.1, 2.9, 2.8])
    >>> held_levels(neck, np.array([3.3]), 0.3, 3)
    array([1, 1, 1, 1, 1, 0, 0, 0])
    """
    entrance = np.asarray(entrance_A, dtype=float)
    if not len(entrance):
        return np.zeros(0, dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = entrance[:, None] - np.asarray(thresholds_A, dtype=float)
        depth = np.abs(beyond) / hysteresis_A if hysteresis_A > 0 else np.ones_like(beyond)
    weight = np.nan_to_num(np.minimum(depth, 1.0) ** 2) * np.where(beyond >= 0, 1.0, -1.0)
    # between equal explanations, the one that agrees with what was measured
    weight += np.where(np.isnan(beyond), 0.0, np.where(beyond >= 0, 1e-9, -1e-9))
    return _cheapest(weight, (hold_frames - 0.5) / 2, before)


@njit(cache=True, nogil=True)
def _cheapest(weight, price, before):
    """The sequence of levels of least cost, shape (frame,).

    ``weight[t, j]`` is positive where frame t lets threshold j's probe in, negative where not.
    """
    frames, thresholds = weight.shape
    states = thresholds + 1
    cost = np.zeros((frames, states))
    came = np.zeros((frames, states), np.int64)
    for t in range(frames):
        for k in range(states):
            own = 0.0
            for j in range(thresholds):
                if j < k:
                    own += max(0.0, -weight[t, j])
                else:
                    own += max(0.0, weight[t, j])
            if t == 0:
                cost[t, k] = own + (price * abs(k - before) if before >= 0 else 0.0)
                continue
            best, origin = cost[t - 1, k], k
            for other in range(states):
                there = cost[t - 1, other] + price * abs(k - other)
                if there < best - 1e-12:
                    best, origin = there, other
            cost[t, k] = best + own
            came[t, k] = origin
    levels = np.empty(frames, np.int64)
    levels[-1] = np.argmin(cost[-1])
    for t in range(frames - 1, 0, -1):
        levels[t - 1] = came[t, levels[t]]
    return levels
