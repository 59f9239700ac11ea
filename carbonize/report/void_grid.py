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
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Int8
from numba import njit

__all__ = ["NOTHING", "VoidGrid", "sample_void"]

NOTHING = -1
"""Class of a grid point that no helium atom covers."""

_MOST_THREADS = 8

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
    _in_slabs(_nearest_surface, shape[0], clearance, atoms, radii, steps, reach, probe_radius_A + margin)

    kind = np.full(shape, NOTHING, dtype=np.int8)
    kinds = np.asarray(node_kind, dtype=np.int8)
    sizes = np.asarray(node_clearance_A, dtype=float)
    power = np.full(shape, np.float32(np.inf))
    _in_slabs(
        _label_centres,
        shape[0],
        kind,
        power,
        clearance,
        nodes,
        sizes + radii.mean(),
        kinds,
        steps,
        reach,
        probe_radius_A,
    )
    inside = kind != NOTHING
    field = np.where(inside, clearance, _FAR)
    border = _border(inside)
    spheres = np.concatenate([border.astype(float), nodes])
    of_grid = tuple(border.T)
    _in_slabs(
        _cover,
        shape[0],
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


def _in_slabs(kernel: Any, planes: int, *arguments: Any) -> None:
    """Run a kernel on slabs of the grid side by side; each writes to its own planes only."""
    count = max(1, min(len(os.sched_getaffinity(0)), _MOST_THREADS, planes // 8))
    ends = np.linspace(0, planes, count + 1).astype(int)
    if count == 1:
        kernel(0, planes, *arguments)
        return
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda k: kernel(ends[k], ends[k + 1], *arguments), range(count)))


@njit(cache=True, nogil=True)
def _nearest_surface(first, last, clearance, atoms, radii, steps, reach, most):
    """Lower ``clearance`` to the distance from the nearest atom's surface where that is below ``most``."""
    na, nb, nc = clearance.shape
    for atom in range(len(atoms)):
        x, y, z = atoms[atom]
        radius = radii[atom]
        out = radius + most
        for i in range(int(np.ceil(x - out / reach[0])), int(np.floor(x + out / reach[0])) + 1):
            a = i % na
            if a < first or a >= last:
                continue
            for j in range(int(np.ceil(y - out / reach[1])), int(np.floor(y + out / reach[1])) + 1):
                px, py, pz = _place(i - x, j - y, steps)
                low, high = _row(px, py, pz, z, steps, out)
                row = clearance[a, j % nb]
                c = low % nc
                for k in range(low, high + 1):
                    square = _square(px, py, pz, k - z, steps)
                    within = row[c] + radius
                    if square < within * within:
                        row[c] = np.float32(np.sqrt(square) - radius)
                    c = c + 1 if c + 1 < nc else 0


@njit(cache=True, nogil=True)
def _label_centres(first, last, kind, power, clearance, nodes, circumradii, kinds, steps, reach, least):
    """Give each point of the void of the centre to the node whose circumscribed sphere has the least power."""
    na, nb, nc = clearance.shape
    for node in range(len(nodes)):
        x, y, z = nodes[node]
        out = circumradii[node]
        for i in range(int(np.ceil(x - out / reach[0])), int(np.floor(x + out / reach[0])) + 1):
            a = i % na
            if a < first or a >= last:
                continue
            for j in range(int(np.ceil(y - out / reach[1])), int(np.floor(y + out / reach[1])) + 1):
                px, py, pz = _place(i - x, j - y, steps)
                low, high = _row(px, py, pz, z, steps, out)
                b = j % nb
                c = low % nc
                for k in range(low, high + 1):
                    if clearance[a, b, c] >= least:
                        here = np.float32(_square(px, py, pz, k - z, steps) - out * out)
                        if here < power[a, b, c]:
                            power[a, b, c] = here
                            kind[a, b, c] = kinds[node]
                    c = c + 1 if c + 1 < nc else 0


@njit(cache=True, nogil=True)
def _cover(first, last, field, kind, inside, spheres, sizes, kinds, steps, reach, margin):
    """Raise ``field`` outside the void of the centre to the depth in the deepest sphere."""
    na, nb, nc = field.shape
    for sphere in range(len(spheres)):
        x, y, z = spheres[sphere]
        size = sizes[sphere]
        out = size + margin
        for i in range(int(np.ceil(x - out / reach[0])), int(np.floor(x + out / reach[0])) + 1):
            a = i % na
            if a < first or a >= last:
                continue
            for j in range(int(np.ceil(y - out / reach[1])), int(np.floor(y + out / reach[1])) + 1):
                px, py, pz = _place(i - x, j - y, steps)
                low, high = _row(px, py, pz, z, steps, out)
                b = j % nb
                c = low % nc
                for k in range(low, high + 1):
                    if not inside[a, b, c]:
                        square = _square(px, py, pz, k - z, steps)
                        least = size - field[a, b, c]
                        if square < least * least:
                            field[a, b, c] = np.float32(size - np.sqrt(square))
                            kind[a, b, c] = kinds[sphere]
                    c = c + 1 if c + 1 < nc else 0


@njit(cache=True, nogil=True, inline="always")
def _place(u, v, steps):
    """The first two parts of a step given in voxels, in A."""
    return (
        u * steps[0, 0] + v * steps[1, 0],
        u * steps[0, 1] + v * steps[1, 1],
        u * steps[0, 2] + v * steps[1, 2],
    )


@njit(cache=True, nogil=True, inline="always")
def _square(px, py, pz, w, steps):
    """Square of the length of a step."""
    x = px + w * steps[2, 0]
    y = py + w * steps[2, 1]
    z = pz + w * steps[2, 2]
    return x * x + y * y + z * z


@njit(cache=True, nogil=True, inline="always")
def _row(px, py, pz, z, steps, out):
    """First and last voxel of a row along c that lie in a sphere about the row's coordinate z."""
    cc = steps[2, 0] ** 2 + steps[2, 1] ** 2 + steps[2, 2] ** 2
    along = (px * steps[2, 0] + py * steps[2, 1] + pz * steps[2, 2]) / cc
    square = out * out - (px * px + py * py + pz * pz) + along * along * cc
    if square < 0:
        return 1, 0
    half = np.sqrt(square / cc)
    return int(np.ceil(z - along - half)), int(np.floor(z - along + half))
