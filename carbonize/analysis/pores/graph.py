"""The pore network as a graph, for networkx and for every program that reads GraphML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from carbonize.analysis.pores.adjacency import find_contacts, flood
from carbonize.analysis.pores.survey import PoreSurvey, survey

if TYPE_CHECKING:
    import networkx as nx
    from ase import Atoms

__all__ = ["as_graphml", "node_graph", "pore_graph", "structure_graph"]


def structure_graph(
    atoms: Atoms,
    radii: Mapping[str, float] | None,
    probes_A: Mapping[str, float],
    persistence_A: float = 0.5,
    level: Literal["pores", "nodes"] = "pores",
) -> nx.MultiGraph:
    """:func:`pore_graph` or :func:`node_graph` of a structure.

    Parameters are those of :func:`carbonize.analyze`.

    Raises
    ------
    InputError
        For a structure that cannot be analysed.
    """
    from carbonize.analysis.radii import atom_radii
    from carbonize.io.validation import validate_atoms

    validate_atoms(atoms)
    radius = atom_radii(atoms.get_chemical_symbols(), radii)
    found = survey(atoms, radius, probes_A, persistence_A)
    return pore_graph(found) if level == "pores" else node_graph(found)


def pore_graph(found: PoreSurvey) -> nx.MultiGraph:
    """Pores joined by their necks.

    A neck is the widest way from one pore to another, or to a periodic image of one, that leads
    through no third: void too narrow for helium belongs to the pore that it has the widest way
    to. Pores have several necks in common where several images of one border on the other.

    Returns
    -------
    networkx.MultiGraph
        Nodes are the numbers of the pores, with all that stands in the entries of ``items`` of
        :func:`carbonize.analysis.pores.summary.pore_summary`. Edges have ``diameter_A``, ``position_A``
        (where it is narrowest, in the cell) and ``translation``: the pore with the larger number
        is moved by that many cell vectors, where the smaller number's ``center_A`` stays.
        The graph has ``cell_A``, the vectors one after the other.

    Examples
    --------
    >>> from ase.build import bulk
    >>> found = survey(bulk("C", "sc", a=8.0), 1.7, {"He": 2.6})
    >>> graph = pore_graph(found)  # a cage with a window to each of its three pairs of images
    >>> sorted(shift for _, _, shift in graph.edges(data="translation"))
    [(0, 0, 1), (0, 1, 0), (1, 0, 0)]
    """
    import networkx as nx

    edges = found.edges
    pore, image = flood(found.pore, found.peak, edges.first, edges.second, edges.winding)
    contacts, _ = find_contacts(pore, image, edges.first, edges.second, edges.winding)
    positions = _narrowest(found, contacts.edge)
    graph = nx.MultiGraph(cell_A=tuple(found.embedding.cell.ravel().tolist()))
    for number, entry in enumerate(found.pores):
        graph.add_node(number, **entry.as_item(number))
    for (one, two), shift, edge, position in zip(
        contacts.pores.tolist(), contacts.translation.tolist(), contacts.edge, positions.tolist(), strict=True
    ):
        graph.add_edge(
            one,
            two,
            diameter_A=2 * float(edges.capacity_A[edge]),
            position_A=tuple(position),
            translation=tuple(shift),
        )
    return graph


def node_graph(found: PoreSurvey) -> nx.MultiGraph:
    """The whole Voronoi network with room between the atoms.

    Returns
    -------
    networkx.MultiGraph
        Nodes have ``diameter_A`` (of the sphere there), ``access_A`` (of the probe that reaches it
        from outside; 0 for none), ``pore`` (-1 for none) and ``position_A``; edges ``diameter_A``
        and ``translation`` (of the end with the larger number, as in :func:`pore_graph`).
        The graph has ``cell_A``.
    """
    import networkx as nx

    edges = found.edges
    graph = nx.MultiGraph(cell_A=tuple(found.embedding.cell.ravel().tolist()))
    for node in np.unique(np.concatenate([edges.first, edges.second])).tolist():
        graph.add_node(
            node,
            diameter_A=2 * float(found.clearance_A[node]),
            access_A=float(found.access_A[node]),
            pore=int(found.pore[node]),
            position_A=tuple(found.position_A[node].tolist()),
        )
    turned = edges.first > edges.second
    translation = np.where(turned[:, None], -edges.winding, edges.winding)
    for one, two, radius, shift in zip(
        edges.first.tolist(),
        edges.second.tolist(),
        edges.capacity_A.tolist(),
        translation.tolist(),
        strict=True,
    ):
        graph.add_edge(one, two, diameter_A=2 * radius, translation=tuple(shift))
    return graph


def as_graphml(graph: nx.MultiGraph) -> str:
    """GraphML text of a graph.

    GraphML knows numbers and texts only: of a vector ``name``, ``name_x``, ``name_y`` and ``name_z`` are
    written, other sequences as words with spaces between them, and what is None is left out.
    ``networkx.parse_graphml(text, node_type=int, force_multigraph=True)`` reads it.
    """
    import networkx as nx

    plain = nx.MultiGraph(**_plain(graph.graph))
    plain.add_nodes_from((node, _plain(data)) for node, data in graph.nodes(data=True))
    plain.add_edges_from((one, two, _plain(data)) for one, two, data in graph.edges(data=True))
    return "\n".join(nx.generate_graphml(plain)) + "\n"


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    plain = {}
    for name, value in data.items():
        if name in ("center_A", "position_A", "translation"):
            plain |= {f"{name}_{axis}": part for axis, part in zip("xyz", value, strict=True)}
        elif isinstance(value, (list, tuple)):
            plain[name] = " ".join(str(part) for part in value)
        elif value is not None:
            plain[name] = value
    return plain


def _narrowest(found: PoreSurvey, chosen: np.ndarray) -> np.ndarray:
    """Where edges are narrowest, in the cell.

    Along an edge the distance to the three nearest atoms is a hyperbola of the path, which
    the clearance at both ends and at the narrowest place fixes.
    """
    edges = found.edges
    first, second, capacity = edges.first[chosen], edges.second[chosen], edges.capacity_A[chosen]
    start = found.position_A[first]
    way = found.position_A[second] + edges.winding[chosen] @ found.embedding.cell - start
    length2 = np.einsum("ei,ei->e", way, way)
    here, there = found.clearance_A[first] - capacity, found.clearance_A[second] - capacity
    root = np.sqrt(np.maximum(here * there * (length2 - (here - there) ** 2), 0.0))
    below = root + here * np.sqrt(length2)
    along = here * (length2 - there * (there - here)) / np.where(below > 0, below, np.inf)
    share = np.clip(along / np.sqrt(np.where(length2 > 0, length2, np.inf)), 0.0, 1.0)
    return found.embedding.wrap(start + share[:, None] * way)
