"""Radial distribution functions from a pair histogram.

g(r) is the number of neighbours at r over what points spread evenly over the same body would
have. The body is the endless solid of a periodic cell, a plate as thick as a slab's atoms, or, for
a cluster, the ball of the same radius of gyration: see :func:`ideal_share`. A body of one period
(a wire) has no such reference: its g is nan, and only neighbours are counted.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from carbonize.analysis.scattering.pairs import BIN_A, PairHistogram, species_pairs
from carbonize.periodic import make_lattice

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Body", "Rdf", "body_of", "ideal_share", "radial_distribution"]


@dataclasses.dataclass(frozen=True)
class Body:
    """What a structure's atoms are compared with.

    Attributes
    ----------
    kind
        "bulk", "slab", "cluster" or "wire".
    volume_A3
        That the atoms share: the cell's, plate's or ball's; nan for a wire.
    size_A
        A plate's thickness or a ball's radius; inf for a bulk, nan for a wire.
    """

    kind: str
    volume_A3: float
    size_A: float


@dataclasses.dataclass(frozen=True)
class Rdf:
    """Radial distribution functions by pair of species.

    Attributes
    ----------
    r_A
        Middles of the bins (A).
    g
        1 where atoms are spread evenly.
    neighbors
        Running number of neighbours of species b within the outer edge of each bin, of an atom of species a.
    """

    r_A: Float[np.ndarray, " bin"]
    g: Float[np.ndarray, "pair bin"]
    neighbors: Float[np.ndarray, "pair bin"]


def body_of(atoms: Atoms) -> Body:
    """The body that a structure's boundary conditions and atoms suggest.

    A slab's atoms fill a plate whose thickness is the square root of 12 times their standard
    deviation across it; a cluster's a ball of their radius of gyration.
    """
    periodic = np.asarray(atoms.pbc, bool)
    lattice = make_lattice(atoms.cell.array, periodic)
    if periodic.all():
        return Body("bulk", float(abs(np.linalg.det(lattice.vectors))), np.inf)
    if periodic.sum() == 2:
        normal = lattice.vectors[~periodic][0]
        area = float(np.linalg.norm(np.cross(*lattice.vectors[periodic])))
        thickness = float(np.sqrt(12) * np.std(atoms.positions @ normal))
        return Body("slab", area * thickness, thickness)
    if not periodic.any():
        spread = atoms.positions - atoms.positions.mean(axis=0)
        radius = float(np.sqrt(5 / 3 * (spread**2).sum(axis=1).mean()))
        return Body("cluster", 4 / 3 * np.pi * radius**3, radius)
    return Body("wire", np.nan, np.nan)


def ideal_share(body: Body, r_A: Float[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    """Mean share of a sphere of radius r around a point of the body that lies in the body.

    For a plate of thickness t, 1 - r / (2 t) up to t and t / (2 r) beyond; for a ball of radius R,
    1 - 3 r / (4 R) + r^3 / (16 R^3) up to 2 R.
    """
    r = np.asarray(r_A, float)
    if body.kind == "bulk":
        return np.ones_like(r)
    if body.kind == "slab":
        thin = body.size_A / np.maximum(2 * r, 1e-300)
        return np.where(r < body.size_A, 1 - r / (2 * max(body.size_A, 1e-300)), thin)
    if body.kind == "cluster":
        x = np.minimum(r / max(body.size_A, 1e-300), 2.0)  # 0 at 2, also for one atom, whose size is 0
        return 1 - 0.75 * x + x**3 / 16
    return np.full_like(r, np.nan)


def radial_distribution(histogram: PairHistogram, body: Body, r_max_A: float, bin_A: float = 0.02) -> Rdf:
    """g(r) and running coordination numbers, by pair of species (a <= b).

    Parameters
    ----------
    histogram
        Reaching to ``r_max_A`` at least.
    body
        Of the same structure.
    r_max_A
        Longest distance shown; beyond half the cell an atom sees images of one neighbour several times.
    bin_A
        Width of a bin, a multiple of :data:`carbonize.analysis.scattering.pairs.BIN_A`.
    """
    merged = round(bin_A / BIN_A)
    bins = min(int(r_max_A / bin_A), histogram.counts.shape[1] // merged)
    counts = histogram.counts[:, : bins * merged].reshape(len(histogram.counts), bins, merged).sum(axis=2)
    edges = np.arange(bins + 1) * bin_A
    middle = edges[:-1] + bin_A / 2
    shell = 4 / 3 * np.pi * np.diff(edges**3) * ideal_share(body, middle)
    g, neighbors = np.zeros((2, len(counts), bins))
    for row, (a, b) in enumerate(species_pairs(len(histogram.species))):
        per_atom = counts[row] / histogram.numbers[a]
        neighbors[row] = np.cumsum(per_atom)
        with np.errstate(divide="ignore", invalid="ignore"):
            g[row] = per_atom / (shell * histogram.numbers[b] / body.volume_A3)
    g[~np.isfinite(g)] = np.nan
    return Rdf(middle, g, neighbors)
