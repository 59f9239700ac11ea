"""Which pore of one frame is which pore of the next: by the space they share."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Int
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from carbonize.tracking.footprints import Footprints, Grid
from carbonize.tracking.history import Frame, Gap, History, Track
from carbonize.tracking.settings import SMALLEST_SHARE, SMALLEST_SHARE_KEPT, SMALLEST_SHARE_OF_LARGER

__all__ = ["Tracker", "assign"]


@dataclasses.dataclass
class _Ghost:
    """A track that is not seen at present, and the voxels where it was."""

    voxels: Int[np.ndarray, " voxel"]
    since: int
    host: int | None = None


class Tracker:
    """Takes frames one after the other and gives each pore its track.

    Every track claims the voxels it was last seen in. The pores of the next frame are assigned
    to tracks so that the shared voxels are most; a pore that no track continues to is new, and
    came out of the track that claims most of it. A track without a pore keeps its claim for
    ``gap_frames`` frames, also inside the pore that swallowed it: if a pore is back at its place,
    it is the same one.
    """

    def __init__(self, grid: Grid, gap_frames: int) -> None:
        self._gap_frames = gap_frames
        self._claims = np.full(grid.size, -1, np.int32)
        self._claimed = np.zeros(0, np.int64)  # voxels of each track
        self._frames: list[Frame] = []
        self._tracks: list[Track] = []
        self._ghosts: dict[int, _Ghost] = {}
        self._before = Footprints(np.zeros(0, np.int32), np.zeros(0, np.int32))

    def add(self, frame: Frame) -> None:
        """The next frame; sets its ``track`` and lets go of its footprints."""
        assert frame.footprints is not None
        here, place = frame.footprints, len(self._frames)
        count = len(frame.entrance_A)
        size = np.bincount(here.pore, minlength=count)
        rows, columns, shared = self._overlaps(here)
        before, after = self._claimed[rows], size[columns]
        real = shared >= np.maximum(
            SMALLEST_SHARE * np.minimum(before, after), SMALLEST_SHARE_OF_LARGER * np.maximum(before, after)
        )
        pairs = assign(rows[real], columns[real], shared[real])
        track = np.full(count, -1, np.int64)
        for number, pore in pairs:
            self._continue(number, place)
            track[pore] = number
        for pore in np.flatnonzero(track < 0):
            parent = _most(columns == pore, shared, rows, SMALLEST_SHARE_KEPT * size[pore])
            track[pore] = len(self._tracks)
            self._tracks.append(Track(len(self._tracks), place, place, parent=parent))
        self._note_absent({number for number, _ in pairs}, rows, columns, shared, track, place)
        frame.passed = self._passed(rows, track[columns], shared)
        frame.track, frame.footprints = track, None
        self._frames.append(frame)
        self._claim(here, track)

    def finish(self) -> History:
        """All that was seen."""
        for number, ghost in self._ghosts.items():
            self._tracks[number].end, self._tracks[number].heir = "missing", ghost.host
        return History(self._frames, self._tracks)

    def _overlaps(self, here: Footprints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tracks, pores and the number of voxels each two share."""
        owner = self._claims[here.voxel]
        known = owner >= 0
        pairs, shared = np.unique(
            owner[known].astype(np.int64) << 32 | here.pore[known].astype(np.int64), return_counts=True
        )
        return pairs >> 32, pairs & 0xFFFFFFFF, shared

    def _passed(
        self, source: np.ndarray, target: np.ndarray, shared: np.ndarray
    ) -> list[tuple[int, int, float]]:
        """Volume of the last frame's pores that lies in pores of other tracks now."""
        if not self._frames:
            return []
        before = self._frames[-1]
        volume = dict(zip(before.track.tolist(), before.volume_A3.tolist(), strict=True))
        return [
            (a, b, volume[a] * voxels / int(self._claimed[a]))
            for a, b, voxels in zip(source.tolist(), target.tolist(), shared.tolist(), strict=True)
            if a != b and a in volume
        ]

    def _continue(self, number: int, place: int) -> None:
        track = self._tracks[number]
        ghost = self._ghosts.pop(number, None)
        if ghost is not None:
            track.gaps.append(Gap(ghost.since, place - 1, ghost.host))
        track.last = place
        track.seen += 1

    def _note_absent(
        self,
        present: set[int],
        rows: np.ndarray,
        columns: np.ndarray,
        shared: np.ndarray,
        track: np.ndarray,
        place: int,
    ) -> None:
        """Ghosts of the tracks that have no pore in this frame; the end of those that had none for long."""
        lately = np.unique(self._frames[-1].track).tolist() if self._frames else []
        lost = [number for number in lately if number not in present]
        owner = self._claims[self._before.voxel] if lost else None
        for number in lost:
            self._ghosts[number] = _Ghost(self._before.voxel[owner == number], place)
        for number in list(self._ghosts):
            ghost = self._ghosts[number]
            if ghost.host is None:
                most = _most(rows == number, shared, columns, SMALLEST_SHARE_KEPT * self._claimed[number])
                ghost.host = None if most is None else int(track[most])
            if place - ghost.since + 1 > self._gap_frames:
                ended = self._tracks[number]
                ended.end = "died" if ghost.host is None else "merged"
                ended.heir = ghost.host
                del self._ghosts[number]

    def _claim(self, here: Footprints, track: np.ndarray) -> None:
        self._claims.fill(-1)
        self._claims[here.voxel] = track[here.pore]
        for number, ghost in self._ghosts.items():
            self._claims[ghost.voxels] = number
        # a ghost may lie in another pore's voxels: each voxel is counted once, for its owner
        self._claimed = np.bincount(self._claims[here.voxel], minlength=len(self._tracks))
        for number, ghost in self._ghosts.items():
            self._claimed[number] = np.count_nonzero(self._claims[ghost.voxels] == number)
        self._before = here


def _most(chosen: np.ndarray, shared: np.ndarray, of: np.ndarray, least: float) -> int | None:
    """Which of ``of`` shares most among the chosen pairs, if it shares at least so much."""
    pairs = np.flatnonzero(chosen)
    if not len(pairs):
        return None
    best = pairs[np.argmax(shared[pairs])]
    return int(of[best]) if shared[best] >= least else None


def assign(rows: np.ndarray, columns: np.ndarray, shared: np.ndarray) -> list[tuple[int, int]]:
    """One-to-one pairs of rows and columns whose shared voxels are most in sum.

    Parameters
    ----------
    rows, columns, shared
        Every pair that shares something, shape (pair,).

    Examples
    --------
    >>> assign(np.array([3, 5, 5]), np.array([0, 0, 1]), np.array([80, 90, 40]))
    [(3, 0), (5, 1)]
    """
    if not len(rows):
        return []
    row_names, row = np.unique(rows, return_inverse=True)
    column_names, column = np.unique(columns, return_inverse=True)
    nodes = len(row_names) + len(column_names)
    graph = coo_array((np.ones(len(row)), (row, column + len(row_names))), shape=(nodes, nodes))
    part = connected_components(graph, directed=False)[1][row]
    order = np.argsort(part, kind="stable")
    found = []
    for group in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        own_rows, r = np.unique(row[group], return_inverse=True)
        own_columns, c = np.unique(column[group], return_inverse=True)
        table = np.zeros((len(own_rows), len(own_columns)))
        table[r, c] = shared[group]
        for i, j in zip(*linear_sum_assignment(table, maximize=True), strict=True):
            if table[i, j] > 0:
                found.append((int(row_names[own_rows[i]]), int(column_names[own_columns[j]])))
    return sorted(found)
