"""Histogram of pair distances: all that a powder average knows of a structure.

A bin keeps the number of pairs and the sum of their distances. Sums over pairs are then taken at
the bins' mean distances, and are wrong only in second order of the spread within a bin: with
bins of 0.002 A by less than (q 0.002 A)^2 / 24 of a term.
"""

from __future__ import annotations

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numba
import numpy as np
from jaxtyping import Float, Int

from carbonize.periodic import images_within, make_lattice

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "BIN_A",
    "PairHistogram",
    "debye_sums",
    "pair_histogram",
    "sinc_sum",
    "species_of",
    "species_pairs",
]

BIN_A = 0.002
"""Width of a bin of distances."""

_PARTS = 16  # a fixed number, so that sums do not depend on the number of cores


@dataclasses.dataclass(frozen=True)
class PairHistogram:
    """Distances between atoms, each pair of atoms (and images) counted once from each end.

    Attributes
    ----------
    species
        Chemical symbols; a pair of species (a, b) stands at its place in :func:`species_pairs`.
    numbers
        Atoms of each species.
    r_max_A
        Longest distance that was counted.
    counts
        Ordered pairs: first atom of species a, second of species b; for a and b unlike, only from a's end.
    mean_A
        Mean distance in each bin; its middle where it is empty.
    """

    species: tuple[str, ...]
    numbers: Int[np.ndarray, " species"]
    r_max_A: float
    counts: Float[np.ndarray, "pair bin"]
    mean_A: Float[np.ndarray, "pair bin"]


def species_of(atoms: Atoms) -> tuple[tuple[str, ...], Int[np.ndarray, " atom"]]:
    """Chemical symbols in alphabetic order, and each atom's place among them."""
    names, which = np.unique(np.array(atoms.get_chemical_symbols()), return_inverse=True)
    return tuple(str(name) for name in names), which.astype(np.int64)


def species_pairs(count: int) -> list[tuple[int, int]]:
    """Pairs (a, b) with a <= b, in the order of all arrays by pair.

    >>> species_pairs(2)
    [(0, 0), (0, 1), (1, 1)]
    """
    return [(a, b) for a in range(count) for b in range(a, count)]


def pair_histogram(atoms: Atoms, r_max_A: float) -> PairHistogram:
    """Distances up to ``r_max_A`` between all atoms and periodic images.

    Parameters
    ----------
    atoms
        Any cell, also much smaller than ``r_max_A``; an atom's own images count.
    r_max_A
        Longest distance (A).

    >>> from ase.build import bulk
    >>> found = pair_histogram(bulk("C", "diamond", a=3.567), 1.6)
    >>> float(found.counts.sum()) / 2, round(float(found.mean_A[found.counts > 0][0]), 4)
    (4.0, 1.5446)
    """
    names, which = species_of(atoms)
    lattice = make_lattice(atoms.cell.array, atoms.pbc)
    fractional = lattice.fractional(np.asarray(atoms.positions, float))
    images = images_within(fractional, lattice, r_max_A * (1 + 1e-9))
    points = images.fractional @ lattice.vectors
    # as if all cells lay on a line: cells as wide as a fifth of the range waste little
    low = points.min(axis=0)
    extent = np.ptp(points, axis=0)
    edge = max(r_max_A / 5, float(np.prod(np.maximum(extent, r_max_A)) / 2**24) ** (1 / 3))
    cells = np.maximum(1, np.ceil((extent + 1e-9) / edge)).astype(np.int64)
    place = np.minimum(((points - low) / edge).astype(np.int64), cells - 1)
    number = (place[:, 0] * cells[1] + place[:, 1]) * cells[2] + place[:, 2]
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(int(cells.prod()) + 1))
    atoms_at = np.flatnonzero(order < len(fractional))
    pairs = len(species_pairs(len(names)))
    bins = int(np.ceil(r_max_A / BIN_A))
    points, place = np.ascontiguousarray(points[order]), place[order]
    kind = which[images.index[order]]

    def part(chosen: np.ndarray) -> np.ndarray:
        table = np.zeros((pairs, bins, 2))
        _count(chosen, points, low, edge, cells, starts, kind, len(names), r_max_A, table)
        return table

    with ThreadPoolExecutor(_threads()) as pool:
        table = sum(pool.map(part, np.array_split(atoms_at, _PARTS)), np.zeros((pairs, bins, 2)))
    for row, (a, b) in enumerate(species_pairs(len(names))):
        if a == b:
            table[row] *= 2
    counts, sums = np.moveaxis(table, 2, 0)
    middle = (np.arange(bins) + 0.5) * BIN_A
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), middle)
    return PairHistogram(names, np.bincount(which, minlength=len(names)), r_max_A, counts, mean)


def debye_sums(
    histogram: PairHistogram, q: Float[np.ndarray, " q"], window_A: float | None = None
) -> Float[np.ndarray, "pair q"]:
    """Sums of sin(q r) / (q r) over the ordered pairs of each kind.

    Parameters
    ----------
    histogram
        Distances.
    q
        Evenly spaced wave numbers (1/A) above 0.
    window_A
        If given, every pair counts exp(-r^2 / (2 window^2)).
    """
    result = np.zeros((len(histogram.counts), len(q)))
    step = float(q[1] - q[0]) if len(q) > 1 else 0.0
    for row, (counts, mean) in enumerate(zip(histogram.counts, histogram.mean_A, strict=True)):
        filled = np.flatnonzero(counts)
        r, weight = mean[filled], counts[filled]
        if window_A is not None:
            weight = weight * np.exp(-0.5 * (r / window_A) ** 2)
        with ThreadPoolExecutor(_threads()) as pool:
            pieces = zip(np.array_split(r, _PARTS), np.array_split(weight, _PARTS), strict=True)
            result[row] = sum(pool.map(lambda p: sinc_sum(p[0], p[1], float(q[0]), step, len(q)), pieces))
    return result


def _threads() -> int:
    if hasattr(os, "sched_getaffinity"):
        return min(_PARTS, len(os.sched_getaffinity(0)))
    return min(_PARTS, os.cpu_count() or 1)


@numba.njit(cache=True, nogil=True)
def _count(chosen, points, low, edge, cells, starts, kind, kinds, r_max, table):
    limit = r_max * r_max
    per_A, per_edge = 1.0 / BIN_A, 1.0 / edge
    bins = table.shape[1]
    for i in chosen:
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        own = kind[i]
        # half of the directions: the other end of a pair, or its image, sees the other half
        for cx in range(_cell(x - 1e-4 - low[0], per_edge, cells[0]), cells[0]):
            gap_x = max(0.0, low[0] + cx * edge - x)
            if gap_x > r_max:
                break
            reach_y = np.sqrt(limit - gap_x * gap_x) + 1e-6
            for cy in range(
                _cell(y - reach_y - low[1], per_edge, cells[1]),
                _cell(y + reach_y - low[1], per_edge, cells[1]) + 1,
            ):
                gap_y = max(0.0, low[1] + cy * edge - y, y - low[1] - (cy + 1) * edge)
                reach_z = np.sqrt(max(0.0, limit - gap_x * gap_x - gap_y * gap_y)) + 1e-6
                row = (cx * cells[1] + cy) * cells[2]
                first = _cell(z - reach_z - low[2], per_edge, cells[2])
                last = _cell(z + reach_z - low[2], per_edge, cells[2])
                # cells along the third axis follow each other in memory
                for j in range(starts[row + first], starts[row + last + 1]):
                    dx = points[j, 0] - x
                    dy = points[j, 1] - y
                    dz = points[j, 2] - z
                    square = dx * dx + dy * dy + dz * dz
                    # lattice planes may lie across x: the direction is tilted by irrational little
                    if square <= limit and dx + 2.7182818e-7 * dy + 1.7320508e-9 * dz > 0.0:
                        r = np.sqrt(square)
                        slot = min(int(r * per_A), bins - 1)
                        a, b = min(own, kind[j]), max(own, kind[j])
                        pair = a * kinds - a * (a - 1) // 2 + b - a
                        table[pair, slot, 0] += 1.0
                        table[pair, slot, 1] += r


@numba.njit(cache=True, nogil=True, inline="always")
def _cell(offset, per_edge, cells):
    return min(max(int(np.floor(offset * per_edge)), 0), cells - 1)


@numba.njit(cache=True, nogil=True)
def sinc_sum(r, weight, q_first, q_step, count):
    """Sum of weight sin(q r) / (q r) over the distances ``r``, at ``count`` evenly spaced q."""
    total = np.zeros(count)
    for i in range(len(r)):
        # a pointer turned by q_step r costs less than a sine each; a thousand turns lose three digits of 16
        sine, cosine = np.sin(q_first * r[i]), np.cos(q_first * r[i])
        turn_s, turn_c = np.sin(q_step * r[i]), np.cos(q_step * r[i])
        scale = weight[i] / r[i]
        for k in range(count):
            total[k] += scale * sine / (q_first + k * q_step)
            sine, cosine = sine * turn_c + cosine * turn_s, cosine * turn_c - sine * turn_s
    return total
