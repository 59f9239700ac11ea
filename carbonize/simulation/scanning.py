"""Wide lists on a processor, as loops (:mod:`carbonize.potentials.foreign`).

The same lists, in the same order, as :mod:`carbonize.simulation.binning` makes of arrays, in a quarter of the time.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int8
from numba.np.numpy_support import carray

from carbonize.potentials.base import UNUSED
from carbonize.potentials.foreign import argument, compiled, is_call, result, target
from carbonize.simulation.binning import Grid, margin_A

__all__ = ["scan"]

_BLOCK = 64
_MOST_ALONG = 64  # cell vectors that a list can lead away along each direction
_BYTE = 8
_FAR2 = 1e6
"""Square of the shortest distance (A^2) where nothing is near."""


@compiled
def _row(
    k: int, starts: Any, count: Any, own: Any, order: Any, who: Any, code: Any,
    index: Any, along_x: Any, along_y: Any, along_z: Any,
) -> Any:  # fmt: skip
    """The k-th neighbour of some atoms, side by side; whether there is any."""
    some = False
    for a in range(len(index)):
        m = np.uintp(starts[a] + k)
        # read what is there in any case: a branch would cost more
        j, c = order[np.uintp(who[m])], code[m]
        used = k < count[a]
        some |= used
        index[a] = j if used else own[a]
        along_x[a] = np.int8((c >> 2 * _BYTE) - _MOST_ALONG) if used else np.int8(UNUSED)
        along_y[a] = np.int8((c >> _BYTE & 255) - _MOST_ALONG) if used else np.int8(0)
        along_z[a] = np.int8((c & 255) - _MOST_ALONG) if used else np.int8(0)
    return some


@compiled
def _empty_row(own: Any, index: Any, along_x: Any, along_y: Any, along_z: Any) -> None:
    for a in range(len(index)):
        index[a], along_x[a], along_y[a], along_z[a] = own[a], UNUSED, 0, 0


@compiled
def _place(value: Any, bins: int) -> int:
    """The bin of a fractional coordinate; rounding may leave an atom on the upper face."""
    inside = min(max(value, 0.0), 1.0) if np.isfinite(value) else 0.0
    return min(int(inside * bins), bins - 1)


@compiled
def _image(place: int, bins: int) -> int:
    """How many cell vectors away a bin lies; dividing is dear, and most are inside."""
    if 0 <= place < bins:
        return 0
    if -bins <= place < 0:
        return -1
    return place // bins


@compiled
def _sort(
    positions: Any, cell: Any, bins: Any, number: Any, first: Any, order: Any, rank: Any, sorted_at: Any
) -> None:
    """Atoms in the order of their bins, the first cell vector fastest, by counting."""
    xx, yx, yy = cell[0, 0], cell[1, 0], cell[1, 1]
    zx, zy, zz = cell[2, 0], cell[2, 1], cell[2, 2]
    nx, ny, nz = bins[0], bins[1], bins[2]
    atoms = len(positions)
    first[:] = 0
    for i in range(atoms):
        c = positions[i, 2] / zz
        b = (positions[i, 1] - c * zy) / yy
        a = (positions[i, 0] - b * yx - c * zx) / xx
        number[i] = _place(a, nx) + nx * (_place(b, ny) + ny * _place(c, nz))
        first[number[i] + 1] += 1
    for k in range(nx * ny * nz):
        first[k + 1] += first[k]
    for i in range(atoms):
        # where the next atom of this bin goes, until the bin is full: then where the bin begins is one bin late
        at = first[number[i]]
        first[number[i]] += 1
        order[at], rank[i] = i, at
        for d in range(3):
            sorted_at[d, at] = positions[i, d]
    for k in range(nx * ny * nz, 0, -1):
        first[k] = first[k - 1]
    first[0] = 0


@compiled
def _scan(
    positions: Any, cell: Any, bins: Any, reach: Any, own: Any, limit2: Any,
    index: Any, shift: Any, count: Any, closest2: Any,
    number: Any, first: Any, order: Any, rank: Any, sorted_at: Any, who: Any, code: Any, square_of: Any, starts: Any,
) -> None:  # fmt: skip
    slots, total = index.shape
    atoms, real = len(positions), positions.dtype.type
    _sort(positions, cell, bins, number, first, order, rank, sorted_at)
    x, y, z = sorted_at[0], sorted_at[1], sorted_at[2]
    xx, yx, yy = cell[0, 0], cell[1, 0], cell[1, 1]
    zx, zy, zz = cell[2, 0], cell[2, 1], cell[2, 2]
    nx, ny, nz = bins[0], bins[1], bins[2]
    closest = np.float32(_FAR2)
    who[:] = 0  # unused places are read as well
    # no index below counts from the end
    none, one = np.uintp(0), np.uintp(1)
    for begin in range(0, total, _BLOCK):
        end = min(begin + _BLOCK, total)
        m = none
        for i in range(begin, end):
            atom = own[i]
            starts[i - begin] = m
            count[i] = 0
            if atom >= atoms:
                continue
            start, most = m, m + np.uintp(slots)
            px, py, pz = positions[atom, 0], positions[atom, 1], positions[atom, 2]
            hx = number[atom] % nx
            hy = number[atom] // nx % ny
            hz = number[atom] // (nx * ny)
            found = none
            for by in range(hy - reach[1], hy + reach[1] + 1):
                iy = _image(by, ny)
                for bz in range(hz - reach[2], hz + reach[2] + 1):
                    iz = _image(bz, nz)
                    row = nx * (by - iy * ny + ny * (bz - iz * nz))
                    bx = hx - reach[0]
                    while bx <= hx + reach[0]:
                        # as far as the row goes without passing the boundary
                        ix = _image(bx, nx)
                        last = min(hx + reach[0], ix * nx + nx - 1)
                        p, q, r = real(ix), real(iy), real(iz)
                        u = np.float32(px - (p * xx + q * yx + r * zx))
                        v = np.float32(py - (q * yy + r * zy))
                        w = np.float32(pz - r * zz)
                        here = (
                            ((ix + _MOST_ALONG) << 2 * _BYTE)
                            + ((iy + _MOST_ALONG) << _BYTE)
                            + iz
                            + _MOST_ALONG
                        )
                        me = rank[atom] if ix == 0 and iy == 0 and iz == 0 else -1
                        for at in range(first[row + bx - ix * nx], first[row + last - ix * nx + 1]):
                            place = np.uintp(at)
                            dx, dy, dz = x[place] - u, y[place] - v, z[place] - w
                            square = dx * dx + dy * dy + dz * dz
                            # the next neighbour overwrites one that is too far
                            spot = min(start + found, most)
                            who[spot], code[spot], square_of[spot] = at, here, square
                            found += one if (square < limit2) & (at != me) else none
                        bx = last + 1
            count[i] = found
            m = min(start + found, most)
            for spot in range(start, m):
                closest = min(closest, square_of[spot])
        k = 0
        while k < slots:
            some = _row(
                k, starts, count[begin:end], own[begin:end], order, who, code, index[k, begin:end],
                shift[0, k, begin:end], shift[1, k, begin:end], shift[2, k, begin:end],
            )  # fmt: skip
            k += 1
            if not some:
                break
        for rest in range(k, slots):
            _empty_row(
                own[begin:end], index[rest, begin:end],
                shift[0, rest, begin:end], shift[1, rest, begin:end], shift[2, rest, begin:end],
            )  # fmt: skip
    closest2[0] = closest


@compiled
def _call(frame: int, like: np.ndarray) -> None:
    at, (atoms, _) = argument(frame, 0)
    total = argument(frame, 4)[1][1]
    slots = result(frame, 0)[1][0]
    bins = carray(argument(frame, 2)[0], (3,), np.int32)
    hits = result(frame, 9)[1][1]
    _scan(
        carray(at, (atoms, 3), like.dtype),
        carray(argument(frame, 1)[0], (3, 3), like.dtype),
        bins,
        carray(argument(frame, 3)[0], (3,), np.int32),
        carray(argument(frame, 4)[0], (total,), np.int32),
        carray(argument(frame, 5)[0], (1,), np.float32)[0],
        carray(result(frame, 0)[0], (slots, total), np.int32),
        carray(result(frame, 1)[0], (3, slots, total), np.int8),
        carray(result(frame, 2)[0], (total,), np.int32),
        carray(result(frame, 3)[0], (1,), np.float32),
        carray(result(frame, 4)[0], (atoms,), np.int32),
        carray(result(frame, 5)[0], (bins[0] * bins[1] * bins[2] + 1,), np.int32),
        carray(result(frame, 6)[0], (atoms,), np.int32),
        carray(result(frame, 7)[0], (atoms,), np.int32),
        carray(result(frame, 8)[0], (3, atoms), np.float32),
        carray(result(frame, 9)[0], (hits,), np.int32),
        carray(result(frame, 10)[0], (hits,), np.int32),
        carray(result(frame, 11)[0], (hits,), np.float32),
        carray(result(frame, 12)[0], (_BLOCK,), np.int64),
    )


_DOUBLE, _SINGLE = np.zeros(1), np.zeros(1, np.float32)


def _double(frame: int) -> int:
    if is_call(frame):
        _call(frame, _DOUBLE)
    return 0


def _single(frame: int) -> int:
    if is_call(frame):
        _call(frame, _SINGLE)
    return 0


_HANDLERS = {("float64",): _double, ("float32",): _single}


def scan(
    grid: Grid,
    positions: Float[Array, "atom 3"],
    own: Int[Array, " own"],
    cell: Float[Array, "3 3"],
    radius_A: float,
    slots: int,
) -> tuple[Int[Array, "slot own"], Int8[Array, "3 slot own"], Int[Array, " own"], Float[Array, ""]]:
    """Neighbours of the atoms ``own`` within a radius and a little beyond, in the order of the bins (traceable).

    Positions lie in the cell; a number in ``own`` that no atom has gets no neighbours.

    Returns
    -------
    tuple
        Index and image of the first ``slots`` neighbours (in unused slots ``own`` and (UNUSED, 0, 0)), how many there
        are, and the square of the shortest distance (A^2).
    """
    atoms, total, whole = positions.shape[0], own.size, jnp.int32
    hits = (slots + 1) * _BLOCK + slots
    shapes = (
        jax.ShapeDtypeStruct((slots, total), whole),
        jax.ShapeDtypeStruct((3 * slots, total), jnp.int8),
        jax.ShapeDtypeStruct((total,), whole),
        jax.ShapeDtypeStruct((1,), jnp.float32),
        jax.ShapeDtypeStruct((atoms,), whole),
        jax.ShapeDtypeStruct((int(np.prod(grid.bins)) + 1,), whole),
        jax.ShapeDtypeStruct((atoms,), whole),
        jax.ShapeDtypeStruct((atoms,), whole),
        jax.ShapeDtypeStruct((3, atoms), jnp.float32),
        jax.ShapeDtypeStruct((hits,), whole),
        jax.ShapeDtypeStruct((hits,), whole),
        jax.ShapeDtypeStruct((hits,), jnp.float32),
        jax.ShapeDtypeStruct((2 * _BLOCK,), whole),  # of 64 bits, which JAX may have been told not to have
    )
    call = jax.ffi.ffi_call(
        target("carbonize_scan", _HANDLERS, positions.dtype.name), shapes, vmap_method="sequential"
    )
    limit2 = ((radius_A + margin_A(cell)) ** 2).reshape(1).astype(jnp.float32)
    bins, reach = jnp.asarray(grid.bins, whole), jnp.asarray(grid.reach, whole)
    index, shift, count, closest2, *_ = call(
        positions, cell.astype(positions.dtype), bins, reach, own.astype(whole), limit2
    )
    return index, shift.reshape(3, slots, total), count, closest2[0]
