"""All that is said of each pore besides its volume and class."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from math import erf

import numpy as np
from jaxtyping import Bool, Float, Int

from carbonize.analysis.pores.adjacency import find_contacts
from carbonize.analysis.pores.classify import Pore
from carbonize.analysis.pores.edges import VoidEdges
from carbonize.analysis.pores.moments import void_moments
from carbonize.analysis.pores.necks import WaysOut, necks_of
from carbonize.analysis.pores.shape import gyration_eigenvalues, sphericity
from carbonize.analysis.pores.thoroughfares import find_thoroughfares
from carbonize.analysis.pores.void import Body
from carbonize.analysis.pores.windows import window_areas
from carbonize.config.models import ClassLimits

__all__ = ["RADIUS_UNCERTAINTY_A", "VoidNodes", "describe_pores"]

RADIUS_UNCERTAINTY_A = 0.1
"""Standard deviation of the atoms' common radius: about what tables of radii differ by."""


@dataclasses.dataclass(frozen=True)
class VoidNodes:
    """What is known of the nodes of the void of helium's centre.

    Attributes
    ----------
    pore
        Pore of each node; -1 for none.
    peak
        Node of each pore's largest sphere.
    image
        Cell vectors (integers) that move each node next to its pore's peak.
    joined
        Which nodes helium's centre can go to from their pore's peak, without leaving the pore.
    moved
        Cell vectors (integers) that brought each node into the cell from where the tessellation has it.
    cell
        Its vectors as rows (A).
    access_A
        Diameter of the largest probe that reaches each node.
    area_A2
        Share of each node in the surface.
    edges
        Between the nodes.
    ways
        Out of all nodes.
    """

    pore: Int[np.ndarray, " node"]
    peak: Int[np.ndarray, " pore"]
    image: Int[np.ndarray, "node 3"]
    joined: Bool[np.ndarray, " node"]
    moved: Int[np.ndarray, "node 3"]
    cell: Float[np.ndarray, "3 3"]
    access_A: Float[np.ndarray, " node"]
    area_A2: Float[np.ndarray, " node"]
    edges: VoidEdges
    ways: WaysOut


def describe_pores(
    pores: Sequence[Pore],
    void: VoidNodes,
    body: Body,
    probes_A: Mapping[str, float],
    helium_A: float,
    limits: ClassLimits,
) -> tuple[Pore, ...]:
    """Pores with necks, wall, shape, margin, probes and place in the network.

    Parameters
    ----------
    pores, void
        Of the same structure.
    body
        Tetrahedra that hold the void of helium's centre.
    probes_A
        Probe diameters by name.
    helium_A
        Diameter of the probe whose void the pores share.
    limits
        Entrance diameters that part the classes.
    """
    if not pores:
        return ()
    count = len(pores)
    inside = np.flatnonzero(void.pore >= 0)
    member = void.pore[inside]
    wide = void.edges.wider_than(helium_A / 2)
    contacts, _ = find_contacts(void.pore, void.image, wide.first, wide.second, wide.winding)

    areas = np.bincount(member, weights=void.area_A2[inside], minlength=count)
    windows = _windows(void, body, count)
    rows = np.flatnonzero(void.joined[body.node])
    node = body.node[rows]
    moments = void_moments(body.corners(rows), body.center[rows], body.ball_radius_A[body.atom[rows]])
    origin = body.place_A[rows] + (void.moved[node] + void.image[node]) @ void.cell
    gyration = gyration_eigenvalues(void.pore[node], origin, *moments, count)
    thoroughfare = find_thoroughfares(count, contacts.pores, contacts.translation)

    described = []
    for number, pore in enumerate(pores):
        access = float(void.access_A[void.peak[number]])
        necks = necks_of(int(void.peak[number]), void.ways, void.pore, access / 2)
        reached = access > helium_A
        wall, window = float(areas[number]), float(windows[number])
        one, two, three = (float(value) for value in gyration[number])
        described.append(
            dataclasses.replace(
                pore,
                necks_A=tuple(2 * float(radius) for radius in necks),
                area_A2=wall,
                window_area_A2=window,
                sphericity=sphericity(pore.volume_A3, wall + window),
                gyration_eigenvalues_A2=(one, two, three),
                volume_margin=_volume_margin(pore.entrance_A, limits),
                probes=tuple(name for name, diameter in probes_A.items() if access > diameter),
                winding=("through" if thoroughfare[number] else "dead-end") if reached else "isolated",
            )
        )
    return tuple(described)


def _windows(void: VoidNodes, body: Body, count: int) -> np.ndarray:
    """Area (A^2) of each pore's openings to other pores and to images of itself: open parts of faces."""
    row, face = np.nonzero((void.pore[body.node] >= 0)[:, None] & (body.neighbor >= 0))
    here, there = body.node[row], body.node[body.neighbor[row, face]]
    winding = body.neighbor_shift[row, face] @ body.change + void.moved[here] - void.moved[there]
    _, crossing = find_contacts(void.pore, void.image, here, there, winding)
    row, corner = row[crossing, None], (face[crossing, None] + np.arange(1, 4)) % 4
    area = window_areas(body.corners(row, corner), body.ball_radius_A[body.atom[row, corner]])
    # every face is seen from both its sides, each of which counts for its own pore
    return np.bincount(void.pore[here[crossing]], weights=area, minlength=count)


def _volume_margin(entrance_A: float | None, limits: ClassLimits) -> float:
    """Expected share of a pore's volume that keeps its class with uncertain radii.

    If all radii change by dr, the entrance changes by -2 dr and takes the pore's whole volume with
    it; dr is normally distributed with a standard deviation of :data:`RADIUS_UNCERTAINTY_A`.
    """
    if entrance_A is None:
        return 1.0
    spread = 2 * RADIUS_UNCERTAINTY_A * 2**0.5
    low, high = 0.0, 1.0
    for limit in (limits.closed_A, limits.quasi_closed_A, limits.open_A):
        below = (1 + erf((limit - entrance_A) / spread)) / 2
        if limit <= entrance_A:
            low = below
        else:
            high = min(high, below)
    return high - low
