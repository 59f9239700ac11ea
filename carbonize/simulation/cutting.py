"""Near lists cut from wide ones on a processor, as loops (:mod:`carbonize.potentials.foreign`).

The same lists as :func:`carbonize.simulation.neighbors.narrow` makes of arrays, in a quarter of the time.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numba
import numpy as np
from jaxtyping import Array, Float, Int, Int8
from numba.np.numpy_support import carray

from carbonize.potentials.base import UNUSED
from carbonize.potentials.foreign import HANDLER, argument, is_call, register, result

__all__ = ["cut"]

_BLOCK = 64

_njit = numba.njit(error_model="numpy", cache=True)


@_njit
def _hits(
    index: Any, sx: Any, sy: Any, sz: Any, positions: Any, begin: int, cell: Any, radius2: float, hit: Any
) -> None:
    """Which of some atoms have a neighbour within the radius in one of their slots."""
    for a in range(len(index)):
        i, j = begin + a, index[a]
        p, q, r = np.float64(sx[a]), np.float64(sy[a]), np.float64(sz[a])
        u = np.float64(positions[j, 0]) - positions[i, 0] + p * cell[0, 0] + q * cell[1, 0] + r * cell[2, 0]
        v = np.float64(positions[j, 1]) - positions[i, 1] + q * cell[1, 1] + r * cell[2, 1]
        w = np.float64(positions[j, 2]) - positions[i, 2] + r * cell[2, 2]
        hit[a] = (u * u + v * v + w * w < radius2) & (sx[a] != UNUSED)


@_njit
def _cut(
    index: Any, shift: Any, positions: Any, cells: Any, radius: float,
    near: Any, near_shift: Any, count: Any, picked: Any, hit: Any,
) -> None:  # fmt: skip
    wide, atoms = index.shape
    slots = near.shape[0]
    one_cell = atoms // cells.shape[0]
    begin = 0
    while begin < atoms:
        replica = begin // one_cell
        end = min(begin + _BLOCK, (replica + 1) * one_cell)
        size = end - begin
        cell = cells[replica]
        found = count[begin:end]
        found[:] = 0
        for s in range(wide):
            _hits(
                index[s, begin:end], shift[0, s, begin:end], shift[1, s, begin:end], shift[2, s, begin:end],
                positions, begin, cell, radius * radius, hit,
            )  # fmt: skip
            for a in range(size):
                n = found[a]
                # what has no room goes into a row that nobody reads
                picked[min(n, slots), a] = s
                found[a] = n + hit[a]
        for k in range(slots):
            for a in range(size):
                i = begin + a
                if k < found[a]:
                    s = picked[k, a]
                    near[k, i] = index[s, i]
                    near_shift[0, k, i] = shift[0, s, i]
                    near_shift[1, k, i] = shift[1, s, i]
                    near_shift[2, k, i] = shift[2, s, i]
                else:
                    near[k, i] = i
                    near_shift[0, k, i] = UNUSED
                    near_shift[1, k, i] = 0
                    near_shift[2, k, i] = 0
        begin = end


@_njit
def _call(frame: int, like: np.ndarray) -> None:
    at, (wide, atoms) = argument(frame, 0)
    rows = argument(frame, 3)[1][0]
    slots = result(frame, 0)[1][0]
    _cut(
        carray(at, (wide, atoms), np.int32),
        carray(argument(frame, 1)[0], (3, wide, atoms), np.int8),
        carray(argument(frame, 2)[0], (atoms, 3), like.dtype),
        carray(argument(frame, 3)[0], (rows // 3, 3, 3), like.dtype),
        np.float64(carray(argument(frame, 4)[0], (1,), like.dtype)[0]),
        carray(result(frame, 0)[0], (slots, atoms), np.int32),
        carray(result(frame, 1)[0], (3, slots, atoms), np.int8),
        carray(result(frame, 2)[0], (atoms,), np.int32),
        carray(result(frame, 3)[0], (slots + 1, _BLOCK), np.int32),
        carray(result(frame, 4)[0], (_BLOCK,), np.int32),
    )


_DOUBLE, _SINGLE = np.zeros(1), np.zeros(1, np.float32)


@numba.cfunc(HANDLER, error_model="numpy", cache=True)
def _double(frame: int) -> int:
    if is_call(frame):
        _call(frame, _DOUBLE)
    return 0


@numba.cfunc(HANDLER, error_model="numpy", cache=True)
def _single(frame: int) -> int:
    if is_call(frame):
        _call(frame, _SINGLE)
    return 0


@functools.cache
def _target(dtype: str) -> str:
    register(f"carbonize_cut_{dtype}", {"float64": _double, "float32": _single}[dtype])
    return f"carbonize_cut_{dtype}"


def cut(
    index: Int[Array, "wide atom"],
    shift: Int8[Array, "3 wide atom"],
    positions: Float[Array, "atom 3"],
    cells: Float[Array, "replica 3 3"],
    radius_A: float,
    slots: int,
) -> tuple[Int[Array, "slot atom"], Int8[Array, "3 slot atom"], Int[Array, " atom"]]:
    """Neighbours within a radius, in the order of the wide list, and how many there are (traceable).

    Where there are more than ``slots``, the first ones are listed.
    """
    atoms = index.shape[1]
    shapes = (
        jax.ShapeDtypeStruct((slots, atoms), jnp.int32),
        jax.ShapeDtypeStruct((3 * slots, atoms), jnp.int8),
        jax.ShapeDtypeStruct((atoms,), jnp.int32),
        jax.ShapeDtypeStruct((slots + 1, _BLOCK), jnp.int32),
        jax.ShapeDtypeStruct((_BLOCK,), jnp.int32),
    )
    # converted once an atom, not once a neighbour
    positions, cells = positions.astype(jnp.float64), cells.astype(jnp.float64)
    call = jax.ffi.ffi_call(_target(positions.dtype.name), shapes)
    radius = jnp.full(1, radius_A, positions.dtype)
    near, near_shift, count, *_ = call(
        index.astype(jnp.int32), shift.reshape(-1, atoms), positions, cells.reshape(-1, 3), radius
    )
    return near, near_shift.reshape(3, slots, atoms), count
