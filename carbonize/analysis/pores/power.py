"""The pore network of atoms of different radii.

The void that a probe of radius p can occupy is what lies outside balls of radius r_i + p, and
its connectivity is that of the power (weighted Delaunay) tessellation with weights (r_i + p)^2.
Here that tessellation is followed through all p at once, from the plain Delaunay
tessellation (:mod:`carbonize.analysis.pores.flips`). Each tetrahedron of this history is a
node; its radius is the largest p at which its power centre was in the void, and the capacity
of an edge the largest p at which void connected its ends. Void only grows as p falls, so that
the merge tree of this network is that of the true distance to the nearest surface, without
any approximation in the radii.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from numba import njit
from scipy.spatial import KDTree

from carbonize.analysis.pores.flips import advance, close_history, count_irregular
from carbonize.analysis.pores.network import Network
from carbonize.analysis.pores.opening import power_center
from carbonize.analysis.pores.tessellation import VOLUME_TOLERANCE, Tessellation, vertex_at
from carbonize.analysis.pores.unequal import unequal_measures
from carbonize.periodic import Lattice, images_within

__all__ = ["IrregularError", "PowerNetwork", "power_network"]


class IrregularError(Exception):
    """The tessellation could not be followed: a test of its certificate failed."""


@dataclasses.dataclass(frozen=True)
class LivingTetrahedra:
    """Tetrahedra at one level; as in :class:`carbonize.analysis.pores.void.Body`."""

    node: Int[np.ndarray, " tetrahedron"]
    atom: Int[np.ndarray, "tetrahedron 4"]
    shift: Int[np.ndarray, "tetrahedron 4 3"]
    neighbor: Int[np.ndarray, "tetrahedron 4"]
    neighbor_shift: Int[np.ndarray, "tetrahedron 4 3"]
    center: Float[np.ndarray, "tetrahedron 3"]


@dataclasses.dataclass(frozen=True)
class PowerNetwork:
    """The network of clearances between atoms of different radii, and the void's measures.

    Attributes
    ----------
    network
        Radii and capacities are distances (A) to the atoms' surfaces; nodes without room for
        a point are left out.
    center
        Where each node's largest sphere sits (A, in the tessellation's frame).
    clearance
        Distance (A) from there to the nearest surface. It exceeds the node's radius where a
        node ended because the tessellation changed.
    volume, area
        Contribution of each node to the void at each level, in A^3 and A^2.
    body
        The tetrahedra at the last of the levels that are nodes.
    volume_error
        Largest relative difference of the tetrahedra's volume and the cell's at any level.
    tetrahedra
        In the tessellation of the last level.
    """

    network: Network
    center: Float[np.ndarray, "node 3"]
    clearance: Float[np.ndarray, " node"]
    volume: Float[np.ndarray, "level node"]
    area: Float[np.ndarray, "level node"]
    body: LivingTetrahedra
    volume_error: float
    tetrahedra: int


class _History:
    """Arrays of :mod:`carbonize.analysis.pores.flips`, which grow when they are full."""

    def __init__(self, tessellation: Tessellation, radii: np.ndarray) -> None:
        t = tessellation
        nodes = len(t.radius)
        self.points, self.vectors, self.radii = t.points, t.vectors, radii
        self.counts = np.array([nodes, 0])
        zero = np.zeros(nodes)
        # atom, shift, neighbor, neighbor_shift, neighbor_face, birth, death, first_hidden
        self.cells = [t.atom, t.shift, t.neighbor, t.neighbor_shift, t.neighbor_face]
        self.cells += [zero, zero + np.inf, np.full(nodes, -1, np.int32)]
        self.cells = [array.copy() for array in self.cells]
        atoms = len(radii)
        # host, next_hidden, hidden_shift
        self.hidden = [
            np.full(atoms, -1, np.int32),
            np.full(atoms, -1, np.int32),
            np.zeros((atoms, 3), np.int16),
        ]
        self.top = np.full(nodes, -1.0)
        self.edges = [np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0), np.empty((0, 3), np.int16)]

    @property
    def state(self) -> tuple:
        return (*self.cells, *self.hidden)

    def setting(self, constant: np.ndarray, slope: np.ndarray) -> tuple:
        return (self.points, self.vectors, constant, slope, self.radii, self.counts)

    def _grow(self, cells: int, edges: int) -> None:
        def longer(array: np.ndarray, room: int) -> np.ndarray:
            return np.concatenate([array, np.empty((room, *array.shape[1:]), array.dtype)])

        self.cells = [longer(array, cells) for array in self.cells]
        self.top = np.concatenate([self.top, np.full(cells, -1.0)])
        self.edges = [longer(array, edges) for array in self.edges]

    def advance(
        self, constant: np.ndarray, slope: np.ndarray, record: bool, now: float, target: float
    ) -> None:
        """Follow the weights ``constant + slope * level`` from one level to another."""
        while True:
            setting = self.setting(constant, slope)
            now = advance(self.state, setting, tuple(self.edges), self.top, record, now, target)
            if now >= target:
                break
            cells, edges = self.counts
            room = max(1000, cells // 2)
            self._grow(
                room if cells + 1000 > len(self.top) else 0,
                2 * room if edges + 5000 > len(self.edges[0]) else 0,
            )
        bad = count_irregular(self.state, self.setting(constant, slope), target)
        if bad:
            raise IrregularError(f"{bad} faces of the power tessellation failed the regularity test")

    def living(self) -> list[np.ndarray]:
        """Numbers, atoms, shifts, neighbours and their shifts of the tetrahedra at this level."""
        alive = np.flatnonzero(np.isinf(self.cells[6][: self.counts[0]]))
        return [alive, *(self.cells[k][alive] for k in range(4))]

    def forget(self) -> None:
        """Drop the tetrahedra that have ended."""
        alive = np.flatnonzero(np.isinf(self.cells[6][: self.counts[0]]))
        place = np.full(len(self.top) + 1, -1, np.int32)
        place[alive] = np.arange(len(alive))
        self.cells = [array[alive] for array in self.cells]
        self.cells[2] = place[self.cells[2]]
        self.cells[5][:] = 0.0
        self.hidden[0] = np.where(self.hidden[0] >= 0, place[self.hidden[0]], -1).astype(np.int32)
        self.top = np.full(len(alive), -1.0)
        self.counts[0] = len(alive)

    def close(self, constant: np.ndarray, slope: np.ndarray, now: float) -> None:
        """End the history at a level."""
        alive = int(np.isinf(self.cells[6][: self.counts[0]]).sum())
        self._grow(0, max(0, self.counts[1] + 2 * alive + 10 - len(self.edges[0])))
        close_history(self.state, self.setting(constant, slope), tuple(self.edges), self.top, now)


def power_network(
    tessellation: Tessellation,
    radii_A: Float[np.ndarray, " atom"],
    probe_radii_A: Float[np.ndarray, " level"],
) -> PowerNetwork:
    """Network and measures of the void between atoms of different radii.

    Parameters
    ----------
    tessellation
        Certified Delaunay tessellation of the atoms.
    radii_A
        Of the atoms.
    probe_radii_A
        Levels at which volumes and areas are wanted; any order, zero allowed.

    Raises
    ------
    IrregularError
        If a tessellation on the way fails its certificate.
    """
    radii = np.asarray(radii_A, dtype=float)
    levels = np.asarray(probe_radii_A, dtype=float)
    history = _History(tessellation, radii)
    history.advance(np.zeros_like(radii), radii**2, False, 0.0, 1.0)
    history.forget()

    constant, slope = radii**2, 2 * radii
    cell_volume = abs(np.linalg.det(tessellation.vectors))
    # no point is farther from all surfaces than from all centres less the smallest radius
    highest = max(0.0, float(tessellation.radius.max()) - float(radii.min()))
    measured: dict[float, tuple] = {}
    now, worst, alive = 0.0, 0.0, 0
    living: list[np.ndarray] = []
    for level in sorted({float(level) for level in levels if level < highest} | {highest}):
        history.advance(constant, slope, True, now, level)
        now = level
        if level in levels or not measured:
            *shares, whole = unequal_measures(
                history.state, history.points, history.vectors, radii, level, int(history.counts[0])
            )
            measured[level] = tuple(shares)
            if level == levels[-1]:
                living = history.living()
            worst = max(worst, abs(whole - cell_volume) / cell_volume)
            if worst > VOLUME_TOLERANCE:
                raise IrregularError(f"tetrahedra miss the cell volume by {worst:.1e} at level {level:.4f} A")
    alive = int(np.isinf(history.cells[6][: history.counts[0]]).sum())
    history.close(constant, slope, now)
    network, kept = _network(history, tessellation)

    volume = np.zeros((len(levels), len(kept)))
    area = np.zeros_like(volume)
    place = np.full(len(history.top), -1)
    place[kept] = np.arange(len(kept))
    for k, level in enumerate(levels):
        if float(level) in measured:
            number, volumes, areas = measured[float(level)]
            known = place[number] >= 0  # the others hold void by rounding alone
            volume[k, place[number[known]]] = volumes[known]
            area[k, place[number[known]]] = areas[known]
    center, ended_inside = _centers(
        history.points, history.vectors, history.cells[0], history.cells[1], radii, kept, network.radius
    )
    clearance = network.radius.copy()
    if ended_inside.any():
        clearance[ended_inside] = np.maximum(
            clearance[ended_inside], _clearances(tessellation, radii, center[ended_inside], highest)
        )
    body = _body(tessellation, radii, living, place, float(levels[-1]))
    return PowerNetwork(network, center, clearance, volume, area, body, worst, alive)


def _body(
    tessellation: Tessellation, radii: np.ndarray, living: list[np.ndarray], place: np.ndarray, level: float
) -> LivingTetrahedra:
    """Those of the tetrahedra at a level that became nodes (``place``), with neighbours among themselves."""
    if not living:  # no void holds this probe
        none, corners = np.empty(0, np.int64), np.empty((0, 4), np.int32)
        shifts = np.empty((0, 4, 3), np.int32)
        return LivingTetrahedra(none, corners, shifts, corners, shifts, np.empty((0, 3)))
    number, atom, shift, neighbor, neighbor_shift = living
    rows = np.flatnonzero(place[number] >= 0)
    row_of = np.full(len(place) + 1, -1)
    row_of[number[rows]] = np.arange(len(rows))
    points, vectors = tessellation.points, tessellation.vectors
    level_of = np.full(len(rows), level)
    center, _ = _centers(points, vectors, atom, shift, radii, rows, level_of)
    return LivingTetrahedra(
        place[number[rows]], atom[rows], shift[rows], row_of[neighbor[rows]], neighbor_shift[rows], center
    )


def _network(history: _History, tessellation: Tessellation) -> tuple[Network, np.ndarray]:
    """The history as a network of the nodes that hold void, and which tetrahedra these are."""
    cells, count = history.counts
    kept = np.flatnonzero(history.top[:cells] > 0.0)
    place = np.full(cells, -1, np.int32)
    place[kept] = np.arange(len(kept))
    radius = history.top[kept]
    first, second, capacity, shift = (array[:count] for array in history.edges)
    both = (place[first] >= 0) & (place[second] >= 0)
    first, second = place[first[both]], place[second[both]]
    return (
        Network(
            radius=radius,
            face_capacity=np.empty((0, 4)),
            first=first,
            second=second,
            capacity=np.minimum(capacity[both], np.minimum(radius[first], radius[second])),
            winding=shift[both] @ tessellation.change,
        ),
        kept,
    )


@njit(cache=True, nogil=True)
def _centers(points, vectors, atom, shift, radii, kept, level):
    """Power centres of tetrahedra, each at its level, and whether the power there is not zero."""
    center = np.empty((len(kept), 3))
    ended_inside = np.zeros(len(kept), np.bool_)
    corner, radius = np.empty((4, 3)), np.empty(4)
    for k in range(len(kept)):
        t, p = kept[k], level[k]
        for v in range(4):
            corner[v, 0], corner[v, 1], corner[v, 2] = vertex_at(points, vectors, atom, shift, t, v)
            radius[v] = radii[atom[t, v]]
        c0, c1, constant, linear, quadratic = power_center(corner, radius)
        center[k] = corner[0] + c0 + c1 * p
        ended_inside[k] = constant + (linear + quadratic * p) * p > 1e-9
    return center, ended_inside


def _clearances(
    tessellation: Tessellation, radii: np.ndarray, centers: np.ndarray, reach: float
) -> np.ndarray:
    """Distance (A) of points to the nearest surface of an atom or image."""
    vectors = tessellation.vectors
    inverse = np.linalg.inv(vectors)
    lattice = Lattice(vectors, tessellation.change, np.ones(3, dtype=bool))
    fractional = tessellation.points @ inverse
    images = images_within(fractional - np.floor(fractional), lattice, reach + float(radii.max()))
    wrapped = centers @ inverse
    wrapped = (wrapped - np.floor(wrapped)) @ vectors
    nearest = np.full(len(centers), np.inf)
    for radius in np.unique(radii):
        tree = KDTree(images.fractional[radii[images.index] == radius] @ vectors)
        nearest = np.minimum(nearest, tree.query(wrapped)[0] - radius)
    return nearest
