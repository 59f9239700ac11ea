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
_inlined = numba.njit(error_model="numpy", inline="always")
"""For what is called for every atom: so many arrays are not handed over in registers."""


@_njit
def _clear(index: Any, sx: Any, sy: Any, sz: Any, begin: int) -> None:
    """Makes one slot of some atoms unused."""
    for a in range(len(index)):
        index[a], sx[a], sy[a], sz[a] = begin + a, UNUSED, 0, 0


@_inlined
def _hits(index: Any, shift: Any, positions: Any, cell: Any, i: int, radius2: float, picked: Any) -> Any:
    """Finds the slots of an atom with a neighbour within the radius; unused slots come last."""
    xx, yx, yy = cell[0, 0], cell[1, 0], cell[1, 1]
    zx, zy, zz = cell[2, 0], cell[2, 1], cell[2, 2]
    x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
    # no index below counts from the end
    none, one = np.uintp(0), np.uintp(1)
    found = none
    for s in range(index.shape[0]):
        along = shift[0, s, i]
        if along == UNUSED:
            break
        j = np.uintp(index[s, i])
        p, q, r = np.float64(along), np.float64(shift[1, s, i]), np.float64(shift[2, s, i])
        u = positions[j, 0] - x + p * xx + q * yx + r * zx
        v = positions[j, 1] - y + q * yy + r * zy
        w = positions[j, 2] - z + r * zz
        picked[found] = s
        found += one if u * u + v * v + w * w < radius2 else none
    return found


@_njit
def _cut(
    index: Any, shift: Any, positions: Any, cells: Any, radius: float,
    near: Any, near_shift: Any, count: Any, picked: Any,
) -> None:  # fmt: skip
    slots, atoms = near.shape
    one_cell = atoms // cells.shape[0]
    for begin in range(0, atoms, _BLOCK):
        end = min(begin + _BLOCK, atoms)
        for k in range(slots):
            _clear(
                near[k, begin:end], near_shift[0, k, begin:end], near_shift[1, k, begin:end],
                near_shift[2, k, begin:end], begin,
            )  # fmt: skip
        for i in range(begin, end):
            found = _hits(index, shift, positions, cells[i // one_cell], i, radius * radius, picked)
            count[i] = found
            for k in range(min(found, slots)):
                s = picked[k]
                near[k, i] = index[s, i]
                near_shift[0, k, i] = shift[0, s, i]
                near_shift[1, k, i] = shift[1, s, i]
                near_shift[2, k, i] = shift[2, s, i]


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
        carray(result(frame, 3)[0], (wide,), np.int32),
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
    wide, atoms = index.shape
    shapes = (
        jax.ShapeDtypeStruct((slots, atoms), jnp.int32),
        jax.ShapeDtypeStruct((3 * slots, atoms), jnp.int8),
        jax.ShapeDtypeStruct((atoms,), jnp.int32),
        jax.ShapeDtypeStruct((wide,), jnp.int32),
    )
    # converted once an atom, not once a neighbour
    positions, cells = positions.astype(jnp.float64), cells.astype(jnp.float64)
    call = jax.ffi.ffi_call(_target(positions.dtype.name), shapes)
    radius = jnp.full(1, radius_A, positions.dtype)
    near, near_shift, count, *_ = call(
        index.astype(jnp.int32), shift.reshape(-1, atoms), positions, cells.reshape(-1, 3), radius
    )
    return near, near_shift.reshape(3, slots, atoms), count
