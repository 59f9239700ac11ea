"""The void that helium fills, sampled on a grid: what the surfaces of pores are cut from.

A helium atom's centre can be where the clearance (the distance to the nearest atom's
surface) is at least helium's radius. The space that its body covers from there is the
void it fills: the void's opening, whose border is Connolly's surface (Science 221 (1983)
709): rounded where two atoms make a crevice, the atoms' own surface elsewhere.

The field is the largest of s(y) - |x - y| over the spheres of radius s = clearance about
points y of the void of the centre. It is positive where helium's body can be, and as smooth
as the surface. The spheres are those of the grid's points near the void's border, and those
of the survey's nodes, so that a void between the grid's points is not lost.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int, Int8
from numba import njit

__all__ = ["NOTHING", "VoidGrid", "sample_void"]

NOTHING = -1
"""Class of a grid point that no helium atom covers."""

_FAR = np.float32(-1e3)


@dataclasses.dataclass(frozen=True)
class VoidGrid:
    """Samples at the middles of the voxels of a periodic cell.

    Attributes
    ----------
    cell
        Rows are the cell vectors (A).
    field_A
        Positive where a helium atom's body can be; near the border the distance to it (A).
    kind
        The class of the pore (any small number given with the nodes) that each point belongs
        to; :data:`NOTHING` in the solid.
    """

    cell: Float[np.ndarray, "3 3"]
    field_A: Float[np.ndarray, "a b c"]
    kind: Int8[np.ndarray, "a b c"]


def sample_void(
    cell: Float[np.ndarray, "3 3"],
    positions: Float[np.ndarray, "atom 3"],
    radii_A: Float[np.ndarray, " atom"],
    node_positions: Float[np.ndarray, "node 3"],
    node_clearance_A: Float[np.ndarray, " node"],
    node_kind: Int[np.ndarray, " node"],
    probe_radius_A: float = 1.3,
    spacing_A: float = 0.45,
) -> VoidGrid:
    """Sample the void that a probe fills, and whose it is.

    A point of the void of the probe's centre belongs to the node of the Delaunay tetrahedron
    it lies in, as the survey's volumes do: it is the node whose circumscribed sphere has the
    least power at the point. A point that only the probe's body reaches belongs to the sphere
    that covers it deepest.

    Parameters
    ----------
    cell
        Periodic; rows are the vectors (A).
    positions, radii_A
        Atoms as hard spheres.
    node_positions, node_clearance_A, node_kind
        Nodes of the void that hold the probe, and a number from 0 to 127 for each.
    probe_radius_A
        Of the probe.
    spacing_A
        Largest step of the grid along the cell vectors.
    """
    shape = tuple(int(max(4, np.ceil(length / spacing_A))) for length in np.linalg.norm(cell, axis=1))
    steps = np.ascontiguousarray(cell / np.array(shape)[:, None])
    inverse = np.linalg.inv(steps)
    reach = 1.0 / np.linalg.norm(inverse, axis=0)  # distance of the planes of the grid
    margin = float(np.linalg.norm(np.abs(steps).sum(axis=0)))
    atoms = positions @ inverse - 0.5
    nodes = node_positions @ inverse - 0.5
    radii = np.asarray(radii_A, dtype=float)
    clearance = np.full(shape, np.float32(probe_radius_A + 2.0 * margin))
    _nearest_surface(clearance, atoms, radii, steps, reach, probe_radius_A + margin)

    kind = np.full(shape, NOTHING, dtype=np.int8)
    kinds = np.asarray(node_kind, dtype=np.int8)
    sizes = np.asarray(node_clearance_A, dtype=float)
    _label_centres(kind, clearance, nodes, sizes + radii.mean(), kinds, steps, reach, probe_radius_A)
    inside = kind != NOTHING
    field = np.where(inside, clearance, _FAR)
    border = _border(inside)
    spheres = np.concatenate([border.astype(float), nodes])
    of_grid = tuple(border.T)
    _cover(
        field,
        kind,
        inside,
        spheres,
        np.concatenate([clearance[of_grid].astype(float), sizes]),
        np.concatenate([kind[of_grid], kinds]),
        steps,
        reach,
        float(np.linalg.norm(steps, axis=1).max()),
    )
    kind[field <= 0] = NOTHING
    return VoidGrid(np.asarray(cell, dtype=float), field, kind)


def _border(inside: np.ndarray) -> np.ndarray:
    """Points of the void of the centre with a neighbour outside it, shape (point, 3)."""
    core = inside.copy()
    for axis in range(3):
        core &= np.roll(core, 1, axis) & np.roll(core, -1, axis)
    return np.argwhere(inside & ~core)


@njit(cache=True, nogil=True)
def _nearest_surface(clearance, atoms, radii, steps, reach, most):
    """Lower ``clearance`` to the distance from the nearest atom's surface where that is below ``most``."""
    na, nb, nc = clearance.shape
    for atom in range(len(atoms)):
        x, y, z = atoms[atom]
        out = radii[atom] + most
        for i in range(int(np.ceil(x - out / reach[0])), int(np.floor(x + out / reach[0])) + 1):
            for j in range(int(np.ceil(y - out / reach[1])), int(np.floor(y + out / reach[1])) + 1):
                low, high = _row(i - x, j - y, z, steps, out)
                for k in range(low, high + 1):
                    square = _square(i - x, j - y, k - z, steps)
                    distance = np.float32(np.sqrt(square) - radii[atom])
                    a, b, c = i % na, j % nb, k % nc
                    if distance < clearance[a, b, c]:
                        clearance[a, b, c] = distance


@njit(cache=True, nogil=True)
def _label_centres(kind, clearance, nodes, circumradii, kinds, steps, reach, least):
    """Give each point of the void of the centre to the node whose circumscribed sphere has the least power."""
    na, nb, nc = clearance.shape
    power = np.full(clearance.shape, np.float32(np.inf))
    for node in range(len(nodes)):
        x, y, z = nodes[node]
        out = circumradii[node]
        for i in range(int(np.ceil(x - out / reach[0])), int(np.floor(x + out / reach[0])) + 1):
            for j in range(int(np.ceil(y - out / reach[1])), int(np.floor(y + out / reach[1])) + 1):
                low, high = _row(i - x, j - y, z, steps, out)
                a, b = i % na, j % nb
                for k in range(low, high + 1):
                    c = k % nc
                    if clearance[a, b, c] < least:
                        continue
                    here = np.float32(_square(i - x, j - y, k - z, steps) - out * out)
                    if here < power[a, b, c]:
                        power[a, b, c] = here
                        kind[a, b, c] = kinds[node]


@njit(cache=True, nogil=True)
def _cover(field, kind, inside, spheres, sizes, kinds, steps, reach, margin):
    """Raise ``field`` outside the void of the centre to the depth in the deepest sphere."""
    na, nb, nc = field.shape
    for sphere in range(len(spheres)):
        x, y, z = spheres[sphere]
        out = sizes[sphere] + margin
        for i in range(int(np.ceil(x - out / reach[0])), int(np.floor(x + out / reach[0])) + 1):
            for j in range(int(np.ceil(y - out / reach[1])), int(np.floor(y + out / reach[1])) + 1):
                low, high = _row(i - x, j - y, z, steps, out)
                a, b = i % na, j % nb
                for k in range(low, high + 1):
                    c = k % nc
                    if inside[a, b, c]:
                        continue
                    depth = np.float32(sizes[sphere] - np.sqrt(_square(i - x, j - y, k - z, steps)))
                    if depth > field[a, b, c]:
                        field[a, b, c] = depth
                        kind[a, b, c] = kinds[sphere]


@njit(cache=True, nogil=True, inline="always")
def _square(u, v, w, steps):
    """Square of the length of a step given in voxels."""
    x = u * steps[0, 0] + v * steps[1, 0] + w * steps[2, 0]
    y = u * steps[0, 1] + v * steps[1, 1] + w * steps[2, 1]
    z = u * steps[0, 2] + v * steps[1, 2] + w * steps[2, 2]
    return x * x + y * y + z * z


@njit(cache=True, nogil=True, inline="always")
def _row(u, v, z, steps, out):
    """First and last voxel of a row along c that lie in a sphere about the row's coordinate z."""
    px = u * steps[0, 0] + v * steps[1, 0]
    py = u * steps[0, 1] + v * steps[1, 1]
    pz = u * steps[0, 2] + v * steps[1, 2]
    cc = steps[2, 0] ** 2 + steps[2, 1] ** 2 + steps[2, 2] ** 2
    along = (px * steps[2, 0] + py * steps[2, 1] + pz * steps[2, 2]) / cc
    square = out * out - (px * px + py * py + pz * pz) + along * along * cc
    if square < 0:
        return 1, 0
    half = np.sqrt(square / cc)
    return int(np.ceil(z - along - half)), int(np.floor(z - along + half))
