"""Everything that is known of the void of one structure, node by node.

The survey is what summaries, tracking, pictures and exports read: they need not know how
the void was found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from carbonize.analysis.pores.adjacency import assemble
from carbonize.analysis.pores.channels import channels_and_pockets
from carbonize.analysis.pores.classify import SMALLEST_VOLUME_A3, Pore, find_pores
from carbonize.analysis.pores.describe import VoidNodes, describe_pores
from carbonize.analysis.pores.edges import VoidEdges
from carbonize.analysis.pores.embedding import Embedding, embed, in_convex_hull
from carbonize.analysis.pores.merging import MergeTree, merge_tree
from carbonize.analysis.pores.necks import find_ways_out
from carbonize.analysis.pores.network import Network
from carbonize.analysis.pores.tessellation import Certificate
from carbonize.analysis.pores.void import find_void
from carbonize.config.models import ClassLimits

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["HELIUM_DIAMETER_A", "PoreSurvey", "ProbeVoid", "survey"]

HELIUM_DIAMETER_A = 2.6
"""Kinetic diameter of helium, whose void is split into pores unless ``probes`` has another He."""


@dataclasses.dataclass(frozen=True)
class ProbeVoid:
    """Where the centre of one probe can be.

    Attributes
    ----------
    diameter_A
        Of the probe.
    accessible_volume_A3, inaccessible_volume_A3
        Void that the probe reaches from outside, and void that holds it but that it cannot reach.
    accessible_area_A2, inaccessible_area_A2
        Their surfaces.
    channels, pockets
        Number of connected parts of the accessible and of the inaccessible void in the cell.
    channel_dimensionality
        In how many independent directions the channel that leads in most of them does, 0 to 3. 0 also
        for vacuum around a structure without periods.
    channel_dimensionalities
        Of each channel, in falling order.
    """

    diameter_A: float
    accessible_volume_A3: float
    inaccessible_volume_A3: float
    accessible_area_A2: float
    inaccessible_area_A2: float
    channels: int
    pockets: int
    channel_dimensionality: int
    channel_dimensionalities: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class PoreSurvey:
    """The void of one structure as spheres that fit into it, and the pores they belong to.

    A node is a point that is farther from the surfaces of the atoms than its surroundings
    in most directions (a Voronoi vertex): the spheres on all nodes together are the void.

    Attributes
    ----------
    embedding
        The periodic cell in which the void was analysed; open directions have vacuum in it.
    position_A
        Cartesian position of each node, wrapped into the cell.
    clearance_A
        Radius of the largest sphere about each node that overlaps no atom; negative inside atoms.
    access_A
        Diameter of the largest probe that reaches each node from outside; 0 where none does.
    pore
        Index into ``pores`` of the pore each node belongs to; -1 where helium's centre cannot be.
    volume_A3
        Share of each node in the void of helium's centre. A single share may be negative: only
        sums over a pore mean something.
    area_A2
        The same for its surface.
    image
        Cell vectors (integers) that move each node next to its pore's largest sphere:
        ``position_A + image @ embedding.cell`` are the nodes of pores in one piece, or in one a
        part where a pore has parts that helium cannot go between.
    edges
        Ways between the nodes.
    peak
        Node of each pore's largest sphere.
    pores
        The most voluminous first.
    probes
        By name.
    largest_included_sphere_A
        Diameter; 0 if nothing fits.
    largest_free_sphere_A, largest_free_sphere_along_A
        Diameter of the largest sphere that passes; None where no void winds.
    certificate
        What was checked of the tessellation.
    """

    embedding: Embedding
    position_A: Float[np.ndarray, "node 3"]
    clearance_A: Float[np.ndarray, " node"]
    access_A: Float[np.ndarray, " node"]
    pore: Int[np.ndarray, " node"]
    volume_A3: Float[np.ndarray, " node"]
    area_A2: Float[np.ndarray, " node"]
    image: Int[np.ndarray, "node 3"]
    edges: VoidEdges
    peak: Int[np.ndarray, " pore"]
    pores: tuple[Pore, ...]
    probes: dict[str, ProbeVoid]
    largest_included_sphere_A: float
    largest_free_sphere_A: float | None
    largest_free_sphere_along_A: tuple[float | None, ...]
    certificate: Certificate


def survey(
    atoms: Atoms,
    atom_radius_A: float | Float[np.ndarray, " atom"],
    probes_A: Mapping[str, float],
    persistence_A: float = 0.5,
    limits: ClassLimits | None = None,
) -> PoreSurvey:
    """Find the void of a structure and split it into pores.

    Parameters are those of :func:`carbonize.analysis.pores.summary.pore_summary`; the radius may
    differ from atom to atom.

    Raises
    ------
    InputError
        If no certified tessellation is found.
    """
    embedding = embed(atoms)
    radii = np.broadcast_to(np.asarray(atom_radius_A, dtype=float), len(atoms))
    helium = probes_A.get("He", HELIUM_DIAMETER_A) / 2
    probe_radii = np.array([*probes_A.values(), 2 * helium], dtype=float) / 2
    void = find_void(atoms.positions - embedding.corner, embedding.cell, radii, probe_radii)
    network, offset, volumes, areas = void.network, void.offset_A, void.volume_A3, void.area_A2
    tree = merge_tree(network, offset, helium, persistence_A)
    levels = offset + probe_radii
    unwrapped = void.position_A + embedding.corner
    positions = embedding.wrap(unwrapped)
    moved = np.rint((positions - unwrapped) @ np.linalg.inv(embedding.cell)).astype(np.int32)
    edges = _void_edges(network, tree, moved, offset)
    limits = limits or ClassLimits()
    pores, member = find_pores(network, tree, positions, volumes[-1], offset, limits)
    inside = member >= 0
    peak = np.empty(len(pores), dtype=np.int64)
    peak[member[inside]] = tree.basin[inside]
    within = edges.wider_than(helium)
    image, joined = assemble(member, peak, within.first, within.second, within.winding)
    access_A = np.maximum(0.0, 2 * (tree.access - offset))
    nodes = VoidNodes(
        pore=member,
        peak=peak,
        image=image,
        joined=joined,
        moved=moved,
        cell=embedding.cell,
        access_A=access_A,
        area_A2=areas[-1],
        edges=edges,
        ways=find_ways_out(len(member), edges.first, edges.second, edges.capacity_A, tree.role),
    )
    described = describe_pores(pores, nodes, void.body, probes_A, 2 * helium, limits)
    counted = network.radius
    if not embedding.periodic.any():
        counted = counted[in_convex_hull(positions, atoms.positions)]
    return PoreSurvey(
        embedding=embedding,
        position_A=positions,
        clearance_A=void.clearance_A,
        access_A=access_A,
        pore=member,
        volume_A3=volumes[-1],
        area_A2=areas[-1],
        image=image,
        edges=edges,
        peak=peak,
        pores=described,
        probes={
            name: _probe_void(
                float(probes_A[name]), tree.access > level, volume, area, void.clearance_A, edges, embedding
            )
            for name, level, volume, area in zip(probes_A, levels, volumes, areas, strict=False)
        },
        largest_included_sphere_A=2 * (float(counted.max(initial=offset)) - offset),
        **_free_spheres(tree, embedding, offset),
        certificate=void.certificate,
    )


def _void_edges(network: Network, tree: MergeTree, moved: np.ndarray, offset_A: float) -> VoidEdges:
    """Edges in the order of the sweep; ``moved`` are the cell vectors that wrapped each node."""
    first, second = network.first[tree.order], network.second[tree.order]
    return VoidEdges(
        first=first.astype(np.int32),
        second=second.astype(np.int32),
        capacity_A=network.capacity[tree.order] - offset_A,
        winding=network.winding[tree.order].astype(np.int32) + moved[first] - moved[second],
    )


def _probe_void(
    diameter_A: float,
    winds: np.ndarray,
    volume: np.ndarray,
    area: np.ndarray,
    clearance_A: np.ndarray,
    edges: VoidEdges,
    embedding: Embedding,
) -> ProbeVoid:
    def total(values: np.ndarray) -> float:
        return max(0.0, float(values.sum()))  # not -1e-15

    dimensionalities, pockets = channels_and_pockets(
        clearance_A,
        edges.first,
        edges.second,
        edges.capacity_A,
        edges.winding,
        volume,
        diameter_A / 2,
        embedding.periodic,
        SMALLEST_VOLUME_A3,
    )
    return ProbeVoid(
        diameter_A=diameter_A,
        accessible_volume_A3=total(volume[winds]),
        inaccessible_volume_A3=total(volume[~winds]),
        accessible_area_A2=total(area[winds]),
        inaccessible_area_A2=total(area[~winds]),
        channels=len(dimensionalities),
        pockets=pockets,
        channel_dimensionality=max(dimensionalities, default=0),
        channel_dimensionalities=dimensionalities,
    )


def _free_spheres(tree: MergeTree, embedding: Embedding, offset_A: float) -> dict:
    def diameter(level: float) -> float | None:
        width = 2 * (float(level) - offset_A)
        return width if width > 0 else None

    return {
        "largest_free_sphere_A": diameter(tree.winding_level) if embedding.periodic.any() else None,
        "largest_free_sphere_along_A": tuple(
            diameter(level) if periodic else None
            for level, periodic in zip(tree.axis_level, embedding.periodic, strict=True)
        ),
    }
