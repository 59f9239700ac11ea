"""The void between atoms, of one radius or of several, in one form.

Atoms of one radius need one tessellation for all probes; others need the power tessellation
followed through the probes. What comes out is the same: a network, an offset between its
radii and clearances, and each node's share of each probe's void.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from carbonize.analysis.pores.network import Network, build_network
from carbonize.analysis.pores.power import IrregularError, power_network
from carbonize.analysis.pores.tessellation import ATTEMPTS, Certificate, Tessellation, tessellate
from carbonize.analysis.pores.volumes import void_measures
from carbonize.errors import InputError

__all__ = ["Body", "Void", "find_void"]


@dataclasses.dataclass(frozen=True)
class Body:
    """The tetrahedra that hold the void of one probe, to integrate over it.

    Attributes
    ----------
    node
        Node of the network that each tetrahedron is.
    points, vectors, change
        Atoms (A), lattice vectors (A) and the way to the given cell's, as in :class:`Tessellation`.
    atom, shift
        Atom and lattice translation of each vertex.
    neighbor, neighbor_shift
        Tetrahedron behind each face (-1: one without void), and its lattice translation.
    center
        (Power) centres (A) in the frame of ``points``.
    place_A
        The same in the frame of the given positions.
    ball_radius_A
        Of each atom and the probe together.
    """

    node: Int[np.ndarray, " tetrahedron"]
    points: Float[np.ndarray, "atom 3"]
    vectors: Float[np.ndarray, "3 3"]
    change: Int[np.ndarray, "3 3"]
    atom: Int[np.ndarray, "tetrahedron 4"]
    shift: Int[np.ndarray, "tetrahedron 4 3"]
    neighbor: Int[np.ndarray, "tetrahedron 4"]
    neighbor_shift: Int[np.ndarray, "tetrahedron 4 3"]
    center: Float[np.ndarray, "tetrahedron 3"]
    place_A: Float[np.ndarray, "tetrahedron 3"]
    ball_radius_A: Float[np.ndarray, " atom"]

    def corners(self, *which: Int[np.ndarray, "..."]) -> Float[np.ndarray, "... 3"]:
        """Vertices (A) of some tetrahedra, or some vertices of them."""
        return self.points[self.atom[which]] + self.shift[which] @ self.vectors


@dataclasses.dataclass(frozen=True)
class Void:
    """Nodes of the void, their network and their measures.

    Attributes
    ----------
    network
        Its radii and capacities exceed clearances by ``offset_A``.
    offset_A
        The atoms' radius if they share one (distances are to centres), else 0 (to surfaces).
    position_A
        Of each node, in the frame of the given positions but not wrapped into the cell.
    clearance_A
        Distance of each node to the nearest atom's surface.
    volume_A3, area_A2
        Each node's contribution to the void of each probe's centre.
    body
        Of the void of the last probe.
    certificate
        What was checked.
    """

    network: Network
    offset_A: float
    position_A: Float[np.ndarray, "node 3"]
    clearance_A: Float[np.ndarray, " node"]
    volume_A3: Float[np.ndarray, "level node"]
    area_A2: Float[np.ndarray, "level node"]
    body: Body
    certificate: Certificate


def find_void(
    positions: Float[np.ndarray, "atom 3"],
    cell: Float[np.ndarray, "3 3"],
    radii_A: Float[np.ndarray, " atom"],
    probe_radii_A: Float[np.ndarray, " level"],
) -> Void:
    """The void of atoms in a fully periodic cell.

    Parameters
    ----------
    positions, cell
        Cartesian, A.
    radii_A
        Of the atoms' hard spheres.
    probe_radii_A
        Levels at which volumes and areas are wanted; a point has radius 0.

    Raises
    ------
    InputError
        If no certified tessellation is found.
    """
    if radii_A.min() == radii_A.max():
        radius = float(radii_A[0])
        tessellation = tessellate(positions, cell)
        network = build_network(tessellation)
        volume, area = void_measures(tessellation, network, radius + probe_radii_A)
        place = _given_frame(tessellation, cell, tessellation.center)
        t = tessellation
        body = Body(
            np.arange(len(t.radius)),
            *(t.points, t.vectors, t.change, t.atom, t.shift, t.neighbor, t.neighbor_shift, t.center),
            place,
            radii_A + probe_radii_A[-1],
        )
        return Void(network, radius, place, network.radius - radius, volume, area, body, t.certificate)
    failure = ""
    for attempt in range(ATTEMPTS):
        tessellation = tessellate(positions, cell, attempt)
        try:
            found = power_network(tessellation, radii_A, probe_radii_A)
        except IrregularError as error:
            failure = str(error)
            continue
        t = tessellation
        body = Body(
            found.body.node,
            *(t.points, t.vectors, t.change),
            *(found.body.atom, found.body.shift, found.body.neighbor, found.body.neighbor_shift),
            found.body.center,
            _given_frame(t, cell, found.body.center),
            radii_A + probe_radii_A[-1],
        )
        return Void(
            found.network,
            0.0,
            _given_frame(tessellation, cell, found.center),
            found.clearance,
            found.volume,
            found.area,
            body,
            Certificate(
                max(found.volume_error, tessellation.certificate.volume_error), True, found.tetrahedra
            ),
        )
    raise InputError(
        f"the pore network of these {len(positions)} atoms of different radii could not be built "
        f"(power tessellation failed its certificate {ATTEMPTS} times; last: {failure}); "
        "check the structure for atoms on top of each other"
    )


def _given_frame(tessellation: Tessellation, cell: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points of the tessellation's frame in that of the given cell, without the strain."""
    fractional = points @ np.linalg.inv(tessellation.vectors) - tessellation.origin
    return fractional @ tessellation.change @ cell
