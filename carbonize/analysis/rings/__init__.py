"""Shortest-path rings, and the curvature that follows from them."""

from carbonize.analysis.rings.curvature import angle_deficit, rings_in_angles
from carbonize.analysis.rings.rings import (
    Rings,
    find_rings,
    ring_membership,
    shortest_path_rings,
    smallest_ring,
)
from carbonize.analysis.rings.summary import ring_summary

__all__ = [
    "Rings",
    "angle_deficit",
    "find_rings",
    "ring_membership",
    "ring_summary",
    "rings_in_angles",
    "shortest_path_rings",
    "smallest_ring",
]
