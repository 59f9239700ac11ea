"""Periodic Delaunay tessellation with a certificate.

The Voronoi vertices of the atoms (the circumcentres of the Delaunay tetrahedra) are the
nodes of the pore network. The tessellation of the infinite crystal is cut from that of
the cell plus enough images around it, and each one is certified: the tetrahedra whose
circumcentre lies in the cell fill its volume, none has a circumsphere larger than the
layer of images, and every triangular face occurs exactly twice modulo the lattice.

Crystals have more than four atoms on one empty sphere, where the tessellation is not
unique and images would be cut differently. A random displacement of every atom and a
random strain of the lattice, both about 1e-7, make it unique; the strain does what the
displacements cannot: it parts an atom from its own images, so that even one atom in a
cell needs no supercell. All lengths change by about as much.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from numba import njit
from scipy.spatial import KDTree

from carbonize.analysis.pores.delaunay import delaunay
from carbonize.errors import InputError
from carbonize.periodic import Lattice, images_within, make_lattice

__all__ = ["Certificate", "Tessellation", "tessellate", "vertex_at"]

JITTER_A = 2e-7
"""Largest displacement of an atom along each axis."""

STRAIN = 5e-8
"""Largest component of the strain of the lattice."""

VOLUME_TOLERANCE = 1e-8
"""Relative mismatch of the tetrahedra's volume with the cell's that the certificate allows."""

ATTEMPTS = 5
"""Tries with another jitter (each three times larger than the last) and another origin."""

MAX_POINTS = 10_000_000
"""Atoms plus images that are still tessellated (about 6 GB of memory)."""


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What was checked of a tessellation; one that fails a check is never returned.

    Attributes
    ----------
    volume_error
        Relative difference of the tetrahedra's volume and the cell's.
    faces_paired
        Whether every face belongs to exactly two tetrahedra.
    tetrahedra
        Their number in one period.
    """

    volume_error: float
    faces_paired: bool
    tetrahedra: int


@dataclasses.dataclass(frozen=True)
class Tessellation:
    """Delaunay tetrahedra of one period, with periodic adjacency.

    Vertex ``v`` of tetrahedron ``t`` is atom ``atom[t, v]`` moved by ``shift[t, v]`` lattice
    vectors. Face ``v`` is the one opposite vertex ``v``; the tetrahedron behind it is
    ``neighbor[t, v]`` moved by ``neighbor_shift[t, v]`` lattice vectors, which sees the same
    face as its face ``neighbor_face[t, v]``. Integers are small: there are seven tetrahedra an atom.

    Attributes
    ----------
    vectors
        Lattice vectors as rows (A): reduced, and strained by the jitter.
    change
        ``n @ change`` turns integer combinations of ``vectors`` into the given cell's.
    points
        Cartesian positions of the atoms (A), with the jitter.
    center, radius
        Circumcentres and circumradii (A).
    volume
        Volumes of the tetrahedra (A^3).
    origin
        Fractional coordinates (in ``vectors``) of the given cell's origin.
    certificate
        What was checked.
    """

    vectors: Float[np.ndarray, "3 3"]
    change: Int[np.ndarray, "3 3"]
    points: Float[np.ndarray, "atom 3"]
    atom: Int[np.ndarray, "node 4"]
    shift: Int[np.ndarray, "node 4 3"]
    center: Float[np.ndarray, "node 3"]
    radius: Float[np.ndarray, " node"]
    volume: Float[np.ndarray, " node"]
    neighbor: Int[np.ndarray, "node 4"]
    neighbor_shift: Int[np.ndarray, "node 4 3"]
    neighbor_face: Int[np.ndarray, "node 4"]
    origin: Float[np.ndarray, " 3"]
    certificate: Certificate


class _NotCertifiedError(Exception):
    """This attempt's tetrahedra are not a periodic tessellation; says which test failed."""


class _TooNarrowError(_NotCertifiedError):
    """The layer of images is thinner than the largest empty sphere."""


def tessellate(
    positions: Float[np.ndarray, "atom 3"], cell: Float[np.ndarray, "3 3"], first_attempt: int = 0
) -> Tessellation:
    """Delaunay tessellation of atoms in a fully periodic cell.

    Parameters
    ----------
    positions
        Cartesian, A.
    cell
        Cell vectors as rows, A; any shape with a volume.
    first_attempt
        Attempt to begin with: one further on has a larger jitter.

    Raises
    ------
    InputError
        If no attempt passes the certificate, or the cell would need too many images.
    """
    lattice = make_lattice(cell, (True, True, True))
    fractional = lattice.fractional(np.asarray(positions, dtype=float))
    guess, bound = _largest_void(fractional, lattice)
    failure = ""
    for attempt in range(first_attempt, first_attempt + ATTEMPTS):
        for width in (guess, bound):
            points = _image_count(len(fractional), lattice, width)
            if points > MAX_POINTS:
                raise InputError(
                    f"the voids of this cell (up to {2 * width:.0f} A across) need about {points:.1e} images "
                    f"of its {len(fractional)} atoms, more than the {MAX_POINTS:.0e} that can be handled; "
                    "analyse a cell with less vacuum or fewer atoms"
                )
            random = np.random.default_rng(attempt)  # the same structure always gives the same numbers
            try:
                return _attempt(fractional, lattice, width, random, 3.0**attempt)
            except _TooNarrowError as error:
                failure = str(error)
            except (_NotCertifiedError, ValueError) as error:
                failure = str(error)
                break
    raise InputError(
        f"the pore network of these {len(positions)} atoms could not be built "
        f"(periodic tessellation failed its certificate {ATTEMPTS} times; last: {failure}); "
        "check the structure for atoms on top of each other or a nearly flat cell"
    )


def _largest_void(fractional: np.ndarray, lattice: Lattice) -> tuple[float, float]:
    """A good guess and an upper bound (A) for the radius of the largest sphere without an atom in it.

    Every point is within half a grid diagonal of a grid point, so no empty sphere is
    larger than the largest distance from a grid point to an atom plus that.
    """
    vectors = lattice.vectors
    volume = abs(np.linalg.det(vectors))
    spacing = max(1.5, (volume / (0.25 * len(fractional) + 20_000)) ** (1 / 3))
    counts = np.maximum(4, np.ceil(np.linalg.norm(vectors, axis=1) / spacing)).astype(int)
    axes = [(np.arange(count) + 0.5) / count for count in counts]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) @ vectors
    diagonals = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]]) / counts @ vectors
    half_diagonal = 0.5 * np.linalg.norm(diagonals, axis=1).max()

    # More images can only bring nearer atoms: with few of them the bound is loose, not wrong.
    farthest, width = np.inf, 6.0
    for _ in range(2):
        if farthest <= width or _image_count(len(fractional), lattice, width) > MAX_POINTS:
            break
        images = images_within(fractional, lattice, width)
        tree = KDTree(images.fractional @ vectors)
        farthest = float(tree.query(grid)[0].max())
        width = max(width, farthest + half_diagonal) if farthest > width else width
    bound = farthest + half_diagonal if np.isfinite(farthest) else width
    return min(bound, farthest + 0.3 * half_diagonal), bound


def _image_count(atom_count: int, lattice: Lattice, width: float) -> float:
    """About how many atoms and images lie in the cell and a layer of ``width`` (A) around it."""
    return atom_count * float(np.prod(1 + 2 * width / lattice.heights))


def _attempt(
    fractional: np.ndarray, lattice: Lattice, width: float, random: np.random.Generator, scale: float
) -> Tessellation:
    """Tessellate with one jitter and origin; raise :class:`_NotCertifiedError` if it fails."""
    strain = random.uniform(-STRAIN, STRAIN, (3, 3)) * scale
    strain -= np.eye(3) * np.trace(strain) / 3  # keeps the volume
    vectors = lattice.vectors @ (np.eye(3) + strain)
    displacement = random.uniform(-JITTER_A, JITTER_A, fractional.shape) * scale
    # a random origin keeps circumcentres of symmetric structures off the faces of the cell
    origin = random.uniform(0, 1, 3)
    moved = fractional + displacement @ np.linalg.inv(vectors) + origin
    moved -= np.floor(moved)

    images = images_within(moved, lattice, width)
    points = images.fractional @ vectors
    simplices, behind = delaunay(points, random)
    kept, centers, radii, volumes = _with_center_in_cell(points, simplices, np.linalg.inv(vectors))
    if radii.max(initial=0.0) > width:
        raise _TooNarrowError(f"an empty sphere of radius {radii.max():.2f} A exceeds the images")
    cell_volume = abs(np.linalg.det(vectors))
    mismatch = abs(volumes.sum() - cell_volume) / cell_volume
    if mismatch > VOLUME_TOLERANCE:
        raise _TooNarrowError(f"tetrahedra miss the cell volume by {mismatch:.1e}")
    shift = images.shift.astype(np.int16)
    neighbor, neighbor_shift, neighbor_face = _adjacency(simplices, behind, kept, images.index, shift)
    kept_simplices = simplices[kept]
    return Tessellation(
        vectors=vectors,
        change=lattice.change,
        points=points[: len(fractional)],
        atom=images.index.astype(np.int32)[kept_simplices],
        shift=shift[kept_simplices],
        center=centers,
        radius=radii,
        volume=volumes,
        neighbor=neighbor,
        neighbor_shift=neighbor_shift,
        neighbor_face=neighbor_face,
        origin=origin,
        certificate=Certificate(float(mismatch), True, len(kept)),
    )


def _adjacency(
    simplices: np.ndarray, behind: np.ndarray, kept: np.ndarray, index: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbour, its shift and its face for every face of the kept tetrahedra."""
    neighbor, neighbor_face = _inner_adjacency(behind, kept)
    neighbor_shift = np.zeros((len(kept), 4, 3), dtype=np.int16)
    tet, face = np.nonzero(neighbor < 0)
    corners = simplices[kept[tet][:, None], (face[:, None] + [1, 2, 3]) % 4]
    one, two, moved = _match_faces(index[corners], shift[corners].astype(np.int64))
    for a, b, sign in ((one, two, 1), (two, one, -1)):
        neighbor[tet[a], face[a]] = tet[b]
        neighbor_face[tet[a], face[a]] = face[b]
        neighbor_shift[tet[a], face[a]] = sign * moved
    return neighbor, neighbor_shift, neighbor_face


@njit(cache=True, nogil=True)
def vertex_at(points, vectors, atom, shift, node, v):
    """Cartesian position (x, y, z) of one vertex of one tetrahedron."""
    a = atom[node, v]
    x, y, z = points[a, 0], points[a, 1], points[a, 2]
    for k in range(3):
        step = shift[node, v, k]
        if step != 0:
            x += step * vectors[k, 0]
            y += step * vectors[k, 1]
            z += step * vectors[k, 2]
    return x, y, z


@njit(cache=True, nogil=True)
def _inner_adjacency(behind, kept):
    """Neighbours and their faces among the kept tetrahedra, -1 where the neighbour is not kept."""
    place = np.full(len(behind), -1, np.int32)
    for node in range(len(kept)):
        place[kept[node]] = node
    neighbor = np.full((len(kept), 4), -1, np.int32)
    neighbor_face = np.full((len(kept), 4), -1, np.int8)
    for node in range(len(kept)):
        for face in range(4):
            other = behind[kept[node], face]
            if other >= 0 and place[other] >= 0:
                neighbor[node, face] = place[other]
                for back in range(4):
                    if behind[other, back] == kept[node]:
                        neighbor_face[node, face] = back
    return neighbor, neighbor_face


def _match_faces(atom: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pair faces that are equal up to a lattice translation.

    ``atom`` is (face, 3), ``shift`` (face, 3, 3). Returns indices of the first and second
    face of each pair and the translation that brings the second onto the first.
    """
    # One integer per corner, ordered as (atom, shift): a common translation keeps the order.
    reach = np.abs(shift).max(initial=0) + 1
    base = 2 * reach + 1
    digits = shift + reach
    corner = ((atom * base + digits[..., 0]) * base + digits[..., 1]) * base + digits[..., 2]
    order = np.argsort(corner, axis=1)
    atom = np.take_along_axis(atom, order, axis=1)
    shift = np.take_along_axis(shift, order[..., None], axis=1)
    relative = (shift[:, 1:] - shift[:, :1]).reshape(-1, 6)
    keys = np.concatenate([atom, relative], axis=1)
    sequence = np.lexsort(keys.T)
    ordered = keys[sequence]
    same_as_next = np.all(ordered[1:] == ordered[:-1], axis=1)
    if len(keys) % 2 or not same_as_next[::2].all() or same_as_next[1::2].any():
        raise _NotCertifiedError("a face does not occur exactly twice")
    one, two = sequence[::2], sequence[1::2]
    return one, two, shift[one, 0] - shift[two, 0]


@njit(cache=True, nogil=True)
def _with_center_in_cell(points, simplices, inverse):
    """Tetrahedra whose circumcentre lies in the cell: which, centres, circumradii and volumes.

    By Cramer's rule about one vertex.
    """
    count = 0
    kept = np.empty(len(simplices), np.int32)
    center = np.empty((len(simplices), 3))
    radius = np.empty(len(simplices))
    volume = np.empty(len(simplices))
    for t in range(len(simplices)):
        o, p, q, r = simplices[t, 0], simplices[t, 1], simplices[t, 2], simplices[t, 3]
        ox, oy, oz = points[o, 0], points[o, 1], points[o, 2]
        px, py, pz = points[p, 0] - ox, points[p, 1] - oy, points[p, 2] - oz
        qx, qy, qz = points[q, 0] - ox, points[q, 1] - oy, points[q, 2] - oz
        rx, ry, rz = points[r, 0] - ox, points[r, 1] - oy, points[r, 2] - oz
        pp = px * px + py * py + pz * pz
        qq = qx * qx + qy * qy + qz * qz
        rr = rx * rx + ry * ry + rz * rz
        # cross products q x r, r x p, p x q
        ax, ay, az = qy * rz - qz * ry, qz * rx - qx * rz, qx * ry - qy * rx
        bx, by, bz = ry * pz - rz * py, rz * px - rx * pz, rx * py - ry * px
        cx, cy, cz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
        determinant = px * ax + py * ay + pz * az
        if determinant == 0.0:
            continue
        half = 0.5 / determinant
        x = (pp * ax + qq * bx + rr * cx) * half
        y = (pp * ay + qq * by + rr * cy) * half
        z = (pp * az + qq * bz + rr * cz) * half
        inside = True
        for axis in range(3):
            along = (ox + x) * inverse[0, axis] + (oy + y) * inverse[1, axis] + (oz + z) * inverse[2, axis]
            inside &= 0.0 <= along < 1.0
        if inside:
            kept[count] = t
            center[count, 0], center[count, 1], center[count, 2] = ox + x, oy + y, oz + z
            radius[count] = np.sqrt(x * x + y * y + z * z)
            volume[count] = abs(determinant) / 6.0
            count += 1
    return kept[:count].copy(), center[:count].copy(), radius[:count].copy(), volume[:count].copy()
