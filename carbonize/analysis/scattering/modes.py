"""Density modes of a periodic cell: |rho(k)|^2 at every reciprocal-lattice vector up to a wave number.

Atoms are spread onto a grid with the kernel of Barnett, Magland and af Klinteberg (SIAM J. Sci.
Comput. 41 (2019) C479), transformed by FFT, and the kernel is divided out. With 8 points a
direction and a grid 1.5 times as fine as needed a mode is off by about 1e-6 of the root mean
square mode; :mod:`tests.analysis.test_scattering` compares with direct sums.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numba
import numpy as np
from jaxtyping import Float, Int

from carbonize.analysis.scattering.pairs import species_of, species_pairs
from carbonize.periodic import Lattice, make_lattice

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["SHELL_WIDTH", "Shells", "density_shells", "largest_wave_number"]

SHELL_WIDTH = 5e-4
"""Wave vectors whose lengths (1/A) lie in one bin of this width are one shell."""

_MOST_POINTS = 1.6e8  # of the grid: 2.6 GB with its transform
_FINENESS = 1.5
_WIDTH = 8
_SHAPE = 0.97 * np.pi * (1 - 1 / (2 * _FINENESS)) * _WIDTH  # exponent of the kernel


@dataclasses.dataclass(frozen=True)
class Shells:
    """Wave vectors of a cell by length, without the zero vector.

    Attributes
    ----------
    species, numbers
        Chemical symbols and atoms of each.
    volume_A3
        Of the cell.
    k
        Mean length (1/A) in each shell, increasing.
    vectors
        Number of wave vectors in it; k and -k count as two.
    sums
        Sum of rho_a(k) rho_b(-k) / N over its vectors, by pair of species; N is the number of all atoms.
    k_max
        All vectors up to this length are there.
    """

    species: tuple[str, ...]
    numbers: Int[np.ndarray, " species"]
    volume_A3: float
    k: Float[np.ndarray, " shell"]
    vectors: Float[np.ndarray, " shell"]
    sums: Float[np.ndarray, "pair shell"]
    k_max: float


def largest_wave_number(lattice: Lattice, wanted: float) -> float:
    """``wanted`` (1/A), or less if its grid would not fit into memory."""
    lengths = np.linalg.norm(lattice.vectors, axis=1)
    points = np.prod(2 * _FINENESS * wanted * lengths / (2 * np.pi) + 2 * _WIDTH)
    return wanted if points <= _MOST_POINTS else wanted * (_MOST_POINTS / points) ** (1 / 3)


def density_shells(atoms: Atoms, k_max: float) -> Shells:
    """Sums of density modes over shells of wave vectors.

    Parameters
    ----------
    atoms
        Periodic in all directions.
    k_max
        Longest wave vector (1/A); what memory does not allow is left out.

    >>> from ase.build import bulk
    >>> found = density_shells(bulk("C", "diamond", a=3.567, cubic=True), 3.1)
    >>> bragg = found.sums[0] > 1e-6  # 111 only: lengths below are extinct
    >>> found.k[bragg].round(3).tolist(), found.vectors[bragg].tolist()
    ([3.051], [8.0])
    """
    from scipy.fft import next_fast_len, rfftn

    names, which = species_of(atoms)
    lattice = make_lattice(atoms.cell.array, np.ones(3, bool))
    k_max = largest_wave_number(lattice, k_max)
    lengths = np.linalg.norm(lattice.vectors, axis=1)
    most = np.floor(k_max * lengths / (2 * np.pi)).astype(np.int64)
    least = [max(int(np.ceil(_FINENESS * (2 * n + 1))), 2 * _WIDTH) for n in most]
    shape = [int(next_fast_len(size, real=True) or size) for size in least]
    fractional = lattice.fractional(np.asarray(atoms.positions, float))
    transforms = []
    for kind in range(len(names)):
        grid = np.zeros(shape)
        _spread(fractional[which == kind], grid, _SHAPE)
        transforms.append(rfftn(grid, workers=-1))
    f0, f1, f2 = (_kernel_transform(np.arange(n + 1), size) for n, size in zip(most, shape, strict=True))
    reciprocal = 2 * np.pi * np.linalg.inv(lattice.vectors).T
    bins = int(k_max / SHELL_WIDTH) + 1
    pairs = species_pairs(len(names))
    vectors, lengths_sum, sums = np.zeros(bins), np.zeros(bins), np.zeros((len(pairs), bins))
    for row, (a, b) in enumerate(pairs):
        counted = vectors if row == 0 else np.zeros(bins)
        summed = lengths_sum if row == 0 else np.zeros(bins)
        _collect(
            transforms[a], transforms[b], most, reciprocal, f0, f1, f2, k_max, counted, summed, sums[row]
        )
    filled = np.flatnonzero(vectors)
    return Shells(
        species=names,
        numbers=np.bincount(which, minlength=len(names)),
        volume_A3=float(abs(np.linalg.det(lattice.vectors))),
        k=lengths_sum[filled] / vectors[filled],
        vectors=vectors[filled],
        sums=sums[:, filled] / len(atoms),
        k_max=k_max,
    )


def _kernel_transform(n: np.ndarray, size: int) -> np.ndarray:
    """Fourier transform of the spreading kernel at the grid's frequencies."""
    x, weight = np.polynomial.legendre.leggauss(64)
    kernel = np.exp(_SHAPE * (np.sqrt(1 - x**2) - 1)) * weight
    return (kernel * np.cos(np.pi * _WIDTH * np.outer(n / size, x))).sum(axis=1) * _WIDTH / 2


@numba.njit(cache=True, nogil=True)
def _spread(fractional, grid, shape):
    n0, n1, n2 = grid.shape
    sizes = (n0, n1, n2)
    weights = np.empty((3, _WIDTH))
    first = np.empty(3, np.int64)
    for atom in range(len(fractional)):
        for axis in range(3):
            x = fractional[atom, axis] * sizes[axis]
            first[axis] = int(np.ceil(x - _WIDTH / 2))
            for step in range(_WIDTH):
                z = (first[axis] + step - x) / (_WIDTH / 2)
                weights[axis, step] = np.exp(shape * (np.sqrt(max(0.0, 1 - z * z)) - 1))
        for i in range(_WIDTH):
            gi = (first[0] + i) % n0
            for j in range(_WIDTH):
                gj = (first[1] + j) % n1
                weight = weights[0, i] * weights[1, j]
                for k in range(_WIDTH):
                    grid[gi, gj, (first[2] + k) % n2] += weight * weights[2, k]


@numba.njit(cache=True, nogil=True)
def _collect(one, other, most, reciprocal, f0, f1, f2, k_max, vectors, lengths, sums):
    n0, n1 = one.shape[0], one.shape[1]
    for a in range(-most[0], most[0] + 1):
        for b in range(-most[1], most[1] + 1):
            for c in range(most[2] + 1):
                if a == 0 and b == 0 and c == 0:
                    continue
                x = a * reciprocal[0, 0] + b * reciprocal[1, 0] + c * reciprocal[2, 0]
                y = a * reciprocal[0, 1] + b * reciprocal[1, 1] + c * reciprocal[2, 1]
                z = a * reciprocal[0, 2] + b * reciprocal[1, 2] + c * reciprocal[2, 2]
                length = np.sqrt(x * x + y * y + z * z)
                if length > k_max:
                    continue
                p, q = one[a % n0, b % n1, c], other[a % n0, b % n1, c]
                factor = f0[abs(a)] * f1[abs(b)] * f2[c]
                product = (p.real * q.real + p.imag * q.imag) / (factor * factor)
                # the half with negative c is the mirror image of the other
                weight = 2.0 if c > 0 else 1.0
                slot = int(length / SHELL_WIDTH)
                vectors[slot] += weight
                lengths[slot] += weight * length
                sums[slot] += weight * product
    return 0
