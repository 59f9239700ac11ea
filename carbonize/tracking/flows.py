"""How much void went from class to class between two frames."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np
from jaxtyping import Float, Int

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.tracking.events import Lives
from carbonize.tracking.history import carrier

__all__ = ["COLUMNS", "ROWS", "Flow", "flow", "mean_step"]

ROWS = (*CLASS_NAMES, "new")
"""Where void comes from: a class of the earlier frame, or solid that opened."""

COLUMNS = (*CLASS_NAMES, "gone")
"""Where void goes: a class of the later frame, or solid that filled it."""


@dataclasses.dataclass(frozen=True)
class Flow:
    """From class to class between two frames.

    Attributes
    ----------
    first, last
        Places of the frames.
    volume_A3
        Void by its class before (rows, :data:`ROWS`) and after (columns, :data:`COLUMNS`). A row
        sums to the class's volume in the earlier frame, a column to that in the later one.
    count
        Pores of the earlier frame by the class of the pore that holds their void in the later
        one; in the last row the later frame's pores that came out of no earlier one.
    """

    first: int
    last: int
    volume_A3: Float[np.ndarray, "5 5"]
    count: Int[np.ndarray, "5 5"]


def flow(lives: Lives, first: int, last: int) -> Flow:
    """Follow the void of every pore of one frame to a later one.

    A pore that is there at both times hands over the smaller of its two volumes. What is left
    of pores that merged goes to their heirs as far as these have grown, what is left of
    divided ones to what came out of them, and then what changed hands because the border between
    two pores shifted. The rest of the earlier volume is gone, the rest of the later one new.
    """
    tracks = lives.history.tracks
    before, after = lives.history.frames[first], lives.history.frames[last]
    row = dict(zip(before.track.tolist(), map(CLASS_NAMES.index, lives.held_classes(first)), strict=True))
    column = dict(zip(after.track.tolist(), map(CLASS_NAMES.index, lives.held_classes(last)), strict=True))
    left = dict(zip(before.track.tolist(), before.volume_A3.tolist(), strict=True))
    room = dict(zip(after.track.tolist(), after.volume_A3.tolist(), strict=True))
    heir = {number: carrier(tracks, number, last) for number in row}
    origin = {number: carrier(tracks, number, first) for number in column}
    volume, count = np.zeros((5, 5)), np.zeros((5, 5), np.int64)

    def move(source: int, target: int, amount: float) -> None:
        volume[row[source], column[target]] += amount
        left[source] -= amount
        room[target] -= amount

    for number in row:
        if number in column:
            move(number, number, min(left[number], room[number]))
    for target, sources in _groups({n: h for n, h in heir.items() if h != n}, column).items():
        for source, amount in _shares([left[n] for n in sources], room[target], sources):
            move(source, target, amount)
    for source, targets in _groups({n: o for n, o in origin.items() if o != n}, row).items():
        for target, amount in _shares([room[n] for n in targets], left[source], targets):
            move(source, target, amount)
    for source, target, amount in _handed(lives, first, last):
        if source in row and target in column:
            move(source, target, min(amount, left[source], room[target]))
    for number, own in row.items():
        volume[own, 4] += left[number]
        to = heir[number]
        count[own, 4 if to is None else column.get(to, 4)] += 1
    for number, own in column.items():
        volume[4, own] += room[number]
        count[4, own] += origin[number] not in row
    return Flow(first, last, volume, count)


def mean_step(steps: list[Flow]) -> tuple[Float[np.ndarray, "5 5"], Float[np.ndarray, "5 5"]]:
    """Mean volume (A^3) and count over all steps from a frame to the next."""
    if not steps:
        return np.zeros((5, 5)), np.zeros((5, 5))
    return np.mean([s.volume_A3 for s in steps], axis=0), np.mean([s.count for s in steps], axis=0)


def _handed(lives: Lives, first: int, last: int) -> list[tuple[int, int, float]]:
    """Net volume that went from pore to pore on the way, as pores of the two frames; the most first."""
    tracks, net = lives.history.tracks, defaultdict(float)
    for frame in lives.history.frames[first + 1 : last + 1]:
        for a, b, amount in frame.passed:
            net[min(a, b), max(a, b)] += amount if a < b else -amount
    ends: dict[tuple[int, int], float] = defaultdict(float)
    for (a, b), amount in net.items():
        source, target = (a, b) if amount > 0 else (b, a)
        begin, end = carrier(tracks, source, first), carrier(tracks, target, last)
        if begin is not None and end is not None:
            ends[begin, end] += abs(amount)
    return sorted(((a, b, amount) for (a, b), amount in ends.items()), key=lambda one: (-one[2], one[:2]))


def _groups(of: dict[int, int | None], known: dict[int, int]) -> dict[int, list[int]]:
    """Keys by their value, where the value is known."""
    found: dict[int, list[int]] = defaultdict(list)
    for key, value in of.items():
        if value is not None and value in known:
            found[value].append(key)
    return found


def _shares(wanted: list[float], limit: float, names: list[int]) -> list[tuple[int, float]]:
    """What each gets, in proportion where there is not enough."""
    whole = sum(wanted)
    if whole <= 0 or limit <= 0:
        return []
    part = min(1.0, limit / whole)
    return [(name, part * want) for name, want in zip(names, wanted, strict=True)]
