"""The void's edges: ways from node to node with room between the atoms."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

__all__ = ["VoidEdges"]


@dataclasses.dataclass(frozen=True)
class VoidEdges:
    """Edges of the pore network on which a sphere of some size clears the atoms, the widest first.

    Attributes
    ----------
    first, second
        Nodes at the ends.
    capacity_A
        Radius of the largest sphere that passes and overlaps no atom.
    winding
        Cell vectors (integers) by which ``second`` is moved, as seen from ``first``: its image there is
        at ``position_A[second] + winding @ cell``.
    """

    first: Int[np.ndarray, " edge"]
    second: Int[np.ndarray, " edge"]
    capacity_A: Float[np.ndarray, " edge"]
    winding: Int[np.ndarray, "edge 3"]

    def wider_than(self, radius_A: float) -> VoidEdges:
        """The edges that a larger sphere than this passes."""
        count = int(np.searchsorted(-self.capacity_A, -radius_A))
        return VoidEdges(
            self.first[:count], self.second[:count], self.capacity_A[:count], self.winding[:count]
        )
