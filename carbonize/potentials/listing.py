"""Short lists of bonds cut from neighbour lists on a processor, as loops (:mod:`carbonize.potentials.foreign`).

What :func:`carbonize.potentials.slots.shells` and :func:`carbonize.potentials.tersoff_crowded.find_crowded`
make of bond vectors of all slots. Here a vector is kept only if it is short, which takes a third of
the time.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int
from numba.np.numpy_support import carray

from carbonize.potentials.base import PAD_A, UNUSED, Bonds
from carbonize.potentials.foreign import argument, compiled, is_call, result, target
from carbonize.potentials.tersoff_crowded import Crowded, places_needed, room

__all__ = ["can_list", "list_bonds", "tile"]

_BLOCK = 64


@compiled
def tile(index: Any, shift: Any, begin: int, end: int, who: Any, along: Any) -> int:
    """Lists of a block of atoms next to each other; how many rows have any neighbour.

    Rows of the whole lists are far apart, by 2^n atoms often: in a cache they would push each other out.
    """
    for s in range(index.shape[0]):
        mine, x, y, z = (
            index[s, begin:end],
            shift[0, s, begin:end],
            shift[1, s, begin:end],
            shift[2, s, begin:end],
        )
        some = 0
        for a in range(len(mine)):
            who[s, a] = mine[a]
            along[0, s, a], along[1, s, a], along[2, s, a] = x[a], y[a], z[a]
            some |= x[a] ^ UNUSED
        if some == 0:
            return s
    return index.shape[0]


@compiled
def _row(
    k: int, begin: int, starts: Any, count: Any, most: int, who: Any, x: Any, y: Any, z: Any,
    index: Any, row_x: Any, row_y: Any, row_z: Any,
) -> None:  # fmt: skip
    """The k-th bond of some atoms, side by side; an atom with more than ``most`` has none."""
    real = x.dtype.type
    far, zero = real(PAD_A), real(0.0)
    for a in range(len(index)):
        m = np.uintp(starts[a] + k)
        # read what is there in any case: a branch would cost more
        j, u, v, w = who[m], x[m], y[m], z[m]
        used = (k < count[a]) & (count[a] <= most)
        index[a] = j if used else np.int32(begin + a)
        row_x[a] = u if used else far
        row_y[a] = v if used else zero
        row_z[a] = w if used else zero


@compiled
def _list(
    index: Any, shift: Any, positions: Any, cells: Any, radius: Any,
    few_index: Any, few: Any, count: Any, crowded: Any, crowded_index: Any, crowded_bonds: Any, told: Any,
    who: Any, vectors: Any, starts: Any, tiled: Any, tiled_shift: Any,
) -> None:  # fmt: skip
    """All atoms with few bonds, a block at a time; the others in places of their own, if there are any.

    Written out, since a call for every atom would double the time.
    """
    atoms, slots, places, most = index.shape[1], few_index.shape[0], crowded.shape[0], crowded_index.shape[0]
    one_cell = atoms // cells.shape[0]
    given, real = positions.dtype.type, vectors.dtype.type
    along_x, along_y, along_z = tiled_shift[0], tiled_shift[1], tiled_shift[2]
    x, y, z = vectors[0], vectors[1], vectors[2]
    crowded[:] = atoms
    crowded_index[:] = 0
    crowded_bonds[:] = 0.0
    crowded_bonds[0] = PAD_A
    limit = slots if places > 0 else index.shape[0]
    radius2 = radius * radius
    n_crowded = most_bonds = 0
    # no index below counts from the end
    none, one = np.uintp(0), np.uintp(1)
    for replica in range(cells.shape[0]):
        c = cells[replica]
        xx, yx, yy, zx, zy, zz = c[0, 0], c[1, 0], c[1, 1], c[2, 0], c[2, 1], c[2, 2]
        last = (replica + 1) * one_cell
        for begin in range(replica * one_cell, last, _BLOCK):
            end = min(begin + _BLOCK, last)
            m = none
            wide = tile(index, shift, begin, end, tiled, tiled_shift)
            for i in range(begin, end):
                a = i - begin
                px, py, pz = positions[i, 0], positions[i, 1], positions[i, 2]
                first = m
                starts[a] = m
                for s in range(wide):
                    along = along_x[s, a]
                    if along == UNUSED:
                        break
                    j = np.uintp(tiled[s, a])
                    p, q, r = given(along), given(along_y[s, a]), given(along_z[s, a])
                    u = real(positions[j, 0] - px + (p * xx + q * yx + r * zx))
                    v = real(positions[j, 1] - py + (q * yy + r * zy))
                    w = real(positions[j, 2] - pz + r * zz)
                    # the next neighbour overwrites one that is too far
                    who[m], x[m], y[m], z[m] = j, u, v, w
                    m += one if u * u + v * v + w * w < radius2 else none
                count[i] = m - first
            for k in range(slots):
                _row(
                    k, begin, starts, count[begin:end], limit, who, x, y, z, few_index[k, begin:end],
                    few[0, k, begin:end], few[1, k, begin:end], few[2, k, begin:end],
                )  # fmt: skip
            for i in range(begin, end):
                if count[i] <= limit:
                    continue
                if n_crowded < places:
                    crowded[n_crowded] = i
                    most_bonds = max(most_bonds, count[i])
                    f = starts[i - begin]
                    for k in range(most):
                        crowded_index[k, n_crowded] = i
                    for k in range(min(count[i], most)):
                        crowded_index[k, n_crowded] = who[f + k]
                        for d in range(3):
                            crowded_bonds[d, k, n_crowded] = vectors[d, f + k]
                n_crowded += 1
    told[0], told[1] = n_crowded, most_bonds


@compiled
def _call(frame: int, given: np.ndarray, made: np.ndarray) -> None:
    at, (wide, atoms) = argument(frame, 0)
    everyone = argument(frame, 2)[1][0]
    rows = argument(frame, 3)[1][0]
    slots, places, most = result(frame, 0)[1][0], result(frame, 3)[1][1], result(frame, 4)[1][0]
    places = places if most > 0 else 0
    _list(
        carray(at, (wide, atoms), np.int32),
        carray(argument(frame, 1)[0], (3, wide, atoms), np.int8),
        carray(argument(frame, 2)[0], (everyone, 3), given.dtype),
        carray(argument(frame, 3)[0], (rows // 3, 3, 3), given.dtype),
        carray(argument(frame, 4)[0], (1,), made.dtype)[0],
        carray(result(frame, 0)[0], (slots, atoms), np.int32),
        carray(result(frame, 1)[0], (3, slots, atoms), made.dtype),
        carray(result(frame, 2)[0], (atoms,), np.int32),
        carray(result(frame, 3)[0], (places,), np.int32),
        carray(result(frame, 4)[0], (most, places), np.int32),
        carray(result(frame, 5)[0], (3, most, places), made.dtype),
        carray(result(frame, 6)[0], (2,), np.int32),
        carray(result(frame, 7)[0], (wide * _BLOCK + slots,), np.int32),
        carray(result(frame, 8)[0], (3, wide * _BLOCK + slots), made.dtype),
        carray(result(frame, 9)[0], (_BLOCK,), np.int64),
        carray(result(frame, 10)[0], (wide, _BLOCK), np.int32),
        carray(result(frame, 11)[0], (3, wide, _BLOCK), np.int8),
    )


_DOUBLE, _SINGLE = np.zeros(1), np.zeros(1, np.float32)


def _double(frame: int) -> int:
    if is_call(frame):
        _call(frame, _DOUBLE, _DOUBLE)
    return 0


def _single(frame: int) -> int:
    if is_call(frame):
        _call(frame, _SINGLE, _SINGLE)
    return 0


def _mixed(frame: int) -> int:
    if is_call(frame):
        _call(frame, _DOUBLE, _SINGLE)
    return 0


_HANDLERS = {
    ("float64", "float64"): _double,
    ("float32", "float32"): _single,
    ("float64", "float32"): _mixed,
}


def can_list(bonds: Bonds) -> bool:
    """Whether :func:`list_bonds` serves here: on a processor, for bonds that come from lists."""
    return bonds.lists is not None and jax.default_backend() == "cpu"


def list_bonds(
    bonds: Bonds, cutoff_A: float, few: int, most: int, share: int
) -> tuple[Bonds, Int[Array, " atom"], Crowded | None]:
    """Bonds shorter than the cutoff, how many each atom has, and the atoms with more than ``few`` apart (traceable).

    Parameters
    ----------
    bonds
        With :attr:`Bonds.lists`; its vectors are not read, but their dtype is that of the result.
    few
        Slots of the first result. An atom with more bonds has none there.
    most, share
        Room for the bonds of a crowded atom, and for so many 256ths of the atoms. With ``most`` 0 nothing is
        apart: of an atom with more than ``few`` bonds the first ones are listed.
    """
    assert bonds.lists is not None
    shift, positions, cells = bonds.lists
    wide, atoms = bonds.index.shape
    real = bonds.x.dtype
    places = room(atoms, share) if most else 1
    shapes = (
        jax.ShapeDtypeStruct((few, atoms), jnp.int32),
        jax.ShapeDtypeStruct((3 * few, atoms), real),
        jax.ShapeDtypeStruct((atoms,), jnp.int32),
        jax.ShapeDtypeStruct((places,), jnp.int32),
        jax.ShapeDtypeStruct((most, places), jnp.int32),
        jax.ShapeDtypeStruct((3 * most, places), real),
        jax.ShapeDtypeStruct((2,), jnp.int32),
        jax.ShapeDtypeStruct((wide * _BLOCK + few,), jnp.int32),
        jax.ShapeDtypeStruct((3, wide * _BLOCK + few), real),
        jax.ShapeDtypeStruct((2 * _BLOCK,), jnp.int32),  # 64 bits each
        jax.ShapeDtypeStruct((wide, _BLOCK), jnp.int32),
        jax.ShapeDtypeStruct((3 * wide, _BLOCK), jnp.int8),
    )
    call = jax.ffi.ffi_call(target("carbonize_list", _HANDLERS, positions.dtype.name, real.name), shapes)
    radius = jnp.full(1, cutoff_A, real)
    index, vectors, count, who, more_index, more, told, *_ = call(
        bonds.index.astype(jnp.int32),
        shift.reshape(-1, atoms),
        positions,
        cells.astype(positions.dtype).reshape(-1, 3),
        radius,
    )
    short = Bonds(index, *vectors.reshape(3, few, atoms))
    if not most:
        return short, count, None
    needed = places_needed(told[0], atoms)
    return short, count, Crowded(who, Bonds(more_index, *more.reshape(3, most, places)), told[1], needed)
