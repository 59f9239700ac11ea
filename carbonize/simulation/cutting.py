"""Near lists cut from wide ones on a processor, as loops (:mod:`carbonize.potentials.foreign`).

The same lists as :func:`carbonize.simulation.neighbors.narrow` makes of arrays, in a quarter of the time.
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
from carbonize.potentials.listing import tile

__all__ = ["cut"]

_BLOCK = 64


@compiled
def _row(
    k: int, begin: int, starts: Any, count: Any, who: Any, code: Any,
    index: Any, along_x: Any, along_y: Any, along_z: Any,
) -> None:  # fmt: skip
    """The k-th neighbour of some atoms, side by side."""
    for a in range(len(index)):
        m = np.uintp(starts[a] + k)
        # read what is there in any case: a branch would cost more
        j, p, q, r = who[m], code[0, m], code[1, m], code[2, m]
        used = k < count[a]
        index[a] = j if used else np.int32(begin + a)
        along_x[a] = p if used else np.int8(UNUSED)
        along_y[a] = q if used else np.int8(0)
        along_z[a] = r if used else np.int8(0)


@compiled
def _cut(
    index: Any, shift: Any, positions: Any, cells: Any, radius: Any,
    near: Any, near_shift: Any, count: Any, who: Any, code: Any, starts: Any, tiled: Any, tiled_shift: Any,
) -> None:  # fmt: skip
    """A block of atoms at a time. Written out, since a call for every atom would double the time."""
    slots, atoms = near.shape
    one_cell = atoms // cells.shape[0]
    along_x, along_y, along_z = tiled_shift[0], tiled_shift[1], tiled_shift[2]
    real = positions.dtype.type
    radius2 = radius * radius
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
                x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
                first = m
                starts[a] = m
                for s in range(wide):
                    along = along_x[s, a]
                    if along == UNUSED:
                        break
                    j = np.uintp(tiled[s, a])
                    b, d = along_y[s, a], along_z[s, a]
                    p, q, r = real(along), real(b), real(d)
                    u = positions[j, 0] - x + (p * xx + q * yx + r * zx)
                    v = positions[j, 1] - y + (q * yy + r * zy)
                    w = positions[j, 2] - z + r * zz
                    # the next neighbour overwrites one that is too far
                    who[m], code[0, m], code[1, m], code[2, m] = j, along, b, d
                    m += one if u * u + v * v + w * w < radius2 else none
                count[i] = m - first
            for k in range(slots):
                _row(
                    k, begin, starts, count[begin:end], who, code, near[k, begin:end],
                    near_shift[0, k, begin:end], near_shift[1, k, begin:end], near_shift[2, k, begin:end],
                )  # fmt: skip


@compiled
def _call(frame: int, like: np.ndarray) -> None:
    at, (wide, atoms) = argument(frame, 0)
    everyone = argument(frame, 2)[1][0]
    rows = argument(frame, 3)[1][0]
    slots = result(frame, 0)[1][0]
    _cut(
        carray(at, (wide, atoms), np.int32),
        carray(argument(frame, 1)[0], (3, wide, atoms), np.int8),
        carray(argument(frame, 2)[0], (everyone, 3), like.dtype),
        carray(argument(frame, 3)[0], (rows // 3, 3, 3), like.dtype),
        carray(argument(frame, 4)[0], (1,), like.dtype)[0],
        carray(result(frame, 0)[0], (slots, atoms), np.int32),
        carray(result(frame, 1)[0], (3, slots, atoms), np.int8),
        carray(result(frame, 2)[0], (atoms,), np.int32),
        carray(result(frame, 3)[0], (wide * _BLOCK + slots,), np.int32),
        carray(result(frame, 4)[0], (3, wide * _BLOCK + slots), np.int8),
        carray(result(frame, 5)[0], (_BLOCK,), np.int64),
        carray(result(frame, 6)[0], (wide, _BLOCK), np.int32),
        carray(result(frame, 7)[0], (3, wide, _BLOCK), np.int8),
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


def cut(
    index: Int[Array, "wide atom"],
    shift: Int8[Array, "3 wide atom"],
    positions: Float[Array, "all 3"],
    cells: Float[Array, "replica 3 3"],
    radius_A: float,
    slots: int,
) -> tuple[Int[Array, "slot atom"], Int8[Array, "3 slot atom"], Int[Array, " atom"]]:
    """Neighbours within a radius, in the order of the wide list, and how many there are (traceable).

    Where there are more than ``slots``, the first ones are listed. There may be more positions than
    lists: the first ones are those of the atoms that have lists.
    """
    wide, atoms = index.shape
    shapes = (
        jax.ShapeDtypeStruct((slots, atoms), jnp.int32),
        jax.ShapeDtypeStruct((3 * slots, atoms), jnp.int8),
        jax.ShapeDtypeStruct((atoms,), jnp.int32),
        jax.ShapeDtypeStruct((wide * _BLOCK + slots,), jnp.int32),
        jax.ShapeDtypeStruct((3, wide * _BLOCK + slots), jnp.int8),
        jax.ShapeDtypeStruct((2 * _BLOCK,), jnp.int32),  # 64 bits each
        jax.ShapeDtypeStruct((wide, _BLOCK), jnp.int32),
        jax.ShapeDtypeStruct((3 * wide, _BLOCK), jnp.int8),
    )
    call = jax.ffi.ffi_call(target("carbonize_cut", _HANDLERS, positions.dtype.name), shapes)
    radius = jnp.full(1, radius_A, positions.dtype)
    near, near_shift, count, *_ = call(
        index.astype(jnp.int32),
        shift.reshape(-1, atoms),
        positions,
        cells.astype(positions.dtype).reshape(-1, 3),
        radius,
    )
    return near, near_shift.reshape(3, slots, atoms), count
