"""Layers on layers: what lies above and below each atom of a sheet, how far away, and how often.

An atom has a layer on one side of it if there, within 2.4 A of its normal, at least three sheet
atoms lie 2.6 to 4.6 A away whose normals are at most 25 degrees from its own. (Over any place of
a flat hexagonal sheet there are four or more; in a disordered solid that has no layers, three that
face the same way are rare.) Distances are measured along the mean of both normals,
so that they are right between curved walls. Of several layers the nearest counts.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from carbonize.analysis.sheets.members import Sheets
from carbonize.periodic import images_within, make_lattice

__all__ = ["FARTHEST_LAYER_A", "NEAREST_LAYER_A", "Layers", "find_layers"]

NEAREST_LAYER_A, FARTHEST_LAYER_A = 2.6, 4.6
"""Limits of what counts as the distance of neighbouring layers (graphite: 3.354 A)."""

_RADIUS_A = 2.4
_COSINE = float(np.cos(np.radians(25.0)))
_FEWEST = 3
_ONE_LAYER_A = 0.9  # heights that differ by less belong to one layer
_MOST_LAYERS = 1000


@dataclasses.dataclass(frozen=True)
class Layers:
    """Neighbouring layers of each atom.

    Attributes
    ----------
    spacing_A
        Distance of the layer on the side of the normal (column 0) and on the other (1); nan without one.
    next
        The atom of that layer that is nearest to the normal; -1 without one.
    count
        Layers of the stack through the atom, itself included; 0 for atoms of no sheet.
    endless
        Whether that stack comes to its own periodic image; it is counted up to there.
    """

    spacing_A: Float[np.ndarray, "atom 2"]
    next: Int[np.ndarray, "atom 2"]
    count: Int[np.ndarray, " atom"]
    endless: Int[np.ndarray, " atom"]


def find_layers(
    sheets: Sheets, positions: Float[np.ndarray, "atom 3"], cell: np.ndarray, pbc: np.ndarray
) -> Layers:
    """Neighbouring layers and stacks of all sheets.

    Parameters
    ----------
    sheets
        From :func:`carbonize.analysis.sheets.members.find_sheets`.
    positions, cell, pbc
        Of the structure (A).
    """
    lattice = make_lattice(cell, pbc)
    reach = float(np.hypot(FARTHEST_LAYER_A, _RADIUS_A)) + 0.5
    count = len(sheets.label)
    chosen = np.flatnonzero(np.isfinite(sheets.normal[:, 0]))
    all_spacing, all_next = np.full((count, 2), np.nan), np.full((count, 2), -1)
    all_layers, all_endless = sheets.inside.astype(np.int64), np.zeros(count, dtype=np.int64)
    if not len(chosen):
        return Layers(all_spacing, all_next, all_layers, all_endless)
    fractional = lattice.fractional(np.asarray(positions, dtype=float)[chosen])
    images = images_within(fractional, lattice, reach)
    places = images.fractional @ lattice.vectors
    order, start, counts, low = _bins(places, reach)
    spacing, above, vector = _neighbors(
        places, images.index, np.ascontiguousarray(sheets.normal[chosen]), len(chosen),
        order, start, counts, low, reach,
    )  # fmt: skip
    inverse = np.linalg.inv(lattice.vectors)
    layers, endless = _stacks(
        above, vector, np.ascontiguousarray(sheets.normal[chosen]), inverse, lattice.pbc
    )
    all_spacing[chosen] = spacing
    all_next[chosen] = np.where(above >= 0, chosen[np.maximum(above, 0)], -1)
    all_layers[chosen], all_endless[chosen] = layers, endless
    return Layers(all_spacing, all_next, all_layers, all_endless)


def _bins(places: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points sorted into cubes at least ``width`` wide, no more cubes than points by far."""
    low = places.min(axis=0)
    extent = places.max(axis=0) - low + 1e-9
    counts = np.clip((extent / width).astype(np.int64), 1, 1 << 20)
    while counts.prod() > 8 * len(places) + 64:
        counts = np.maximum(1, counts // 2)
    cubes = np.minimum((places - low) / extent * counts, counts - 1).astype(np.int64)
    number = (cubes[:, 0] * counts[1] + cubes[:, 1]) * counts[2] + cubes[:, 2]
    order = np.argsort(number, kind="stable")
    start = np.zeros(int(counts.prod()) + 1, dtype=np.int64)
    np.cumsum(np.bincount(number, minlength=len(start) - 1), out=start[1:])
    return order, start, counts, np.stack([low, extent / counts])


@njit(cache=True, nogil=True)
def _neighbors(places, index, normal, count, order, start, counts, box, reach):
    spacing = np.full((count, 2), np.nan)
    above = np.full((count, 2), -1, np.int64)
    vector = np.zeros((count, 2, 3))
    room = 512
    height, offset, other = np.empty((2, room)), np.empty((2, room)), np.empty((2, room), np.int64)
    found = np.zeros(2, np.int64)
    place = np.empty(3, np.int64)
    for i in range(count):
        found[:] = 0
        for k in range(3):
            place[k] = min(counts[k] - 1, int((places[i, k] - box[0, k]) / box[1, k]))
        for a in range(max(0, place[0] - 1), min(counts[0], place[0] + 2)):
            for b in range(max(0, place[1] - 1), min(counts[1], place[1] + 2)):
                for c in range(max(0, place[2] - 1), min(counts[2], place[2] + 2)):
                    cube = (a * counts[1] + b) * counts[2] + c
                    for m in range(start[cube], start[cube + 1]):
                        j = order[m]
                        x, y, z = (
                            places[j, 0] - places[i, 0], places[j, 1] - places[i, 1], places[j, 2] - places[i, 2],
                        )  # fmt: skip
                        square = x * x + y * y + z * z
                        if square > reach * reach or square < 4.0:
                            continue
                        u = index[j]
                        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
                        cosine = nx * normal[u, 0] + ny * normal[u, 1] + nz * normal[u, 2]
                        if abs(cosine) < _COSINE:
                            continue
                        sign = 1.0 if cosine > 0 else -1.0
                        nx, ny, nz = (
                            nx + sign * normal[u, 0], ny + sign * normal[u, 1], nz + sign * normal[u, 2],
                        )  # fmt: skip
                        length = np.sqrt(nx * nx + ny * ny + nz * nz)
                        rise = (x * nx + y * ny + z * nz) / length
                        if abs(rise) < NEAREST_LAYER_A or abs(rise) > FARTHEST_LAYER_A:
                            continue
                        beside = square - rise * rise
                        if beside > _RADIUS_A * _RADIUS_A:
                            continue
                        side = 0 if rise > 0 else 1
                        if found[side] < room:
                            height[side, found[side]] = abs(rise)
                            offset[side, found[side]] = beside
                            other[side, found[side]] = j
                            found[side] += 1
        for side in range(2):
            if found[side] < _FEWEST:
                continue
            nearest = height[side, : found[side]].min()
            total, number, best = 0.0, 0, -1
            for m in range(found[side]):
                if height[side, m] <= nearest + _ONE_LAYER_A:
                    total += height[side, m]
                    number += 1
                    if best < 0 or offset[side, m] < offset[side, best]:
                        best = m
            if number < _FEWEST:
                continue
            j = other[side, best]
            spacing[i, side] = total / number
            above[i, side] = index[j]
            vector[i, side] = places[j] - places[i]
    return spacing, above, vector


@njit(cache=True, nogil=True)
def _stacks(above, vector, normal, inverse, pbc):
    """Layers met on the way up and down from each atom."""
    count = len(above)
    layers = np.ones(count, np.int64)
    endless = np.zeros(count, np.int64)
    travelled = np.empty(3)
    for i in range(count):
        for side in range(2):
            here, heading, met = i, side, 0
            travelled[:] = 0.0
            while met < _MOST_LAYERS:
                there = above[here, heading]
                if there < 0:
                    break
                travelled += vector[here, heading]
                for k in range(3):
                    moved = 0.0
                    for m in range(3):
                        moved += travelled[m] * inverse[m, k]
                    # thermal motion may leave a period a little short; one layer less is far shorter
                    if pbc[k] and abs(moved) > 0.98:
                        endless[i] = 1
                if endless[i]:
                    break
                met += 1
                # go on to the same side: the next normal may point the other way
                if (normal[here] * normal[there]).sum() < 0:
                    heading = 1 - heading
                here = there
            if endless[i]:
                layers[i] = 1 + met
                break
            layers[i] += met
    return layers, endless
