"""Sizes of neighbour lists, chosen on the host before anything is compiled."""

from __future__ import annotations

import dataclasses

import numpy as np

from carbonize.errors import InputError
from carbonize.simulation.binning import Grid
from carbonize.simulation.crowding import longest_run, neighbor_counts

__all__ = ["ListPlan", "bins_to_reach", "cell_heights", "make_plan", "round_up", "run_capacity"]

NEAR_SKIN_A = 0.4
"""Extra radius of the near list, if the skin is wide enough; 0.3 to 0.5 cost the same."""

_BINS_ALONG_A_RUN = 3  # finer bins along the first vector make runs shorter and cost nothing
_MOST_IMAGES = 20  # shifts are kept in 8 bits, and a cell this thin is a mistake


@dataclasses.dataclass(frozen=True)
class ListPlan:
    """Static description of a list: everything its compiled shape depends on.

    Attributes
    ----------
    skew
        Which off-diagonal components of the cell are not zero: yx, zx, zy.
    cutoff_A
        Distance to which interactions are complete.
    skin_A
        Extra radius; a list serves until an atom has moved half of it.
    slots, near_slots
        Neighbours per atom there is room for in the wide and in the near list.
    bins
        How many bins along each cell vector; (1, 1, 1) is one bin.
    reach
        How many bins away, along each cell vector, the radius may lead.
    run_capacity
        Atoms there is room for in the bins of one row that the radius may lead to.
    """

    skew: tuple[bool, bool, bool]
    cutoff_A: float
    skin_A: float
    slots: int
    near_slots: int
    bins: tuple[int, int, int]
    reach: tuple[int, int, int]
    run_capacity: int

    @property
    def radius_A(self) -> float:
        """Cutoff plus skin."""
        return self.cutoff_A + self.skin_A

    @property
    def near_radius_A(self) -> float:
        """Radius of the near list."""
        return self.cutoff_A + self.near_skin_A

    @property
    def near_skin_A(self) -> float:
        """Extra radius of the near list."""
        return min(NEAR_SKIN_A, 0.5 * self.skin_A)

    @property
    def grid(self) -> Grid:
        """The bins that lists are found with."""
        return Grid(self.bins, self.reach, self.run_capacity)


def round_up(number: int, multiple: int) -> int:
    """The next multiple.

    >>> round_up(9, 8)
    16
    """
    return -(-number // multiple) * multiple


def cell_heights(cell: np.ndarray) -> np.ndarray:
    """Distances (A) between opposite faces of the cell (rows are the cell vectors)."""
    return 1.0 / np.linalg.norm(np.linalg.inv(np.asarray(cell, float)), axis=0)


def make_plan(
    positions: np.ndarray,
    cells: np.ndarray,
    cutoff_A: float,
    skin_A: float,
    slots: int | None = None,
    shrink: float = 1.0,
) -> ListPlan:
    """Choose bins and sizes from start structures.

    Parameters
    ----------
    positions
        Shape (replica, atom, 3), A; the dtype is that of the simulation.
    cells
        Shape (replica, 3, 3), rows are cell vectors, A, lower triangular.
    cutoff_A, skin_A
        List radii.
    slots
        Initial slots per atom; by default half as many again as the start needs, since
        annealing makes a loose packing denser in places.
    shrink
        Factor by which cells may still become shorter before the bins must be chosen anew.
    """
    cells = np.ascontiguousarray(cells, dtype=float)
    heights = shrink * np.min([cell_heights(cell) for cell in cells], axis=0)
    radius_A = cutoff_A + skin_A
    count = np.floor(heights / radius_A * np.array([_BINS_ALONG_A_RUN, 1, 1])).astype(int)
    bins = (int(count[0]), int(count[1]), int(count[2])) if (heights >= 3.0 * radius_A).all() else (1, 1, 1)
    reach = bins_to_reach(bins, heights, radius_A)
    starts = [(np.asarray(p, float), c) for p, c in zip(positions, cells, strict=True)]
    longest = max(longest_run(p, c, bins, reach[0]) for p, c in starts)
    skew = tuple(bool((cells[:, i, j] != 0).any()) for i, j in ((1, 0), (2, 0), (2, 1)))
    plan = ListPlan(skew, cutoff_A, skin_A, 1, 1, bins, reach, run_capacity(longest))  # type: ignore[arg-type]
    if slots is not None:
        return dataclasses.replace(plan, slots=slots, near_slots=slots)
    radii_A = [radius_A, plan.near_radius_A]
    wide, near = np.max([neighbor_counts(p, c, radii_A).max(axis=1) for p, c in starts], axis=0)
    return dataclasses.replace(
        plan, slots=round_up(int(1.3 * wide) + 4, 4), near_slots=round_up(int(1.25 * near) + 2, 2)
    )


def bins_to_reach(bins: tuple[int, int, int], heights_A: np.ndarray, radius_A: float) -> tuple[int, int, int]:
    """How many bins away the radius may lead where the cell has these heights (A).

    Raises
    ------
    InputError
        If the cell is so thin that an atom would meet dozens of its own images.
    """
    reach = np.ceil(radius_A * np.array(bins) / heights_A).astype(int)
    if reach.max() > _MOST_IMAGES * max(bins):
        raise InputError(
            f"a cell only {heights_A.min():.3g} A high would need {reach.max() // max(bins)} images of each atom "
            f"within {radius_A:.3g} A; repeat the structure first (ase: atoms.repeat)"
        )
    return int(reach[0]), int(reach[1]), int(reach[2])


def run_capacity(longest: int) -> int:
    """Room for a fifth more atoms than the longest run has."""
    return round_up(int(1.2 * longest) + 2, 4)
