"""Forces from gradients with respect to bonds on a processor, as loops (:mod:`carbonize.potentials.foreign`).

What :func:`carbonize.potentials.slots.forces_from_bonds` makes of arrays, with the bonds that are there only.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int
from numba.np.numpy_support import carray

from carbonize.potentials.base import Bonds
from carbonize.potentials.foreign import argument, compiled, is_call, result, target
from carbonize.potentials.slots import Vectors
from carbonize.potentials.tersoff_crowded import Crowded

__all__ = ["collect_forces"]

_BLOCK = 64


@compiled
def _copy(values: Any, out: Any) -> None:
    for a in range(len(values)):
        out[a] = values[a]


@compiled
def _collect(
    count: Any, index: Any, bond: Any, gradient: Any,
    crowded: Any, more_index: Any, more_bond: Any, more_gradient: Any, force: Any, trace: Any, block_index: Any, block: Any,
) -> None:  # fmt: skip
    """Rows of unused slots are zero and name the atom itself, so that all are taken: branches cost more."""
    slots, atoms = index.shape
    real = force.dtype.type
    force[:] = 0.0
    force_x, force_y, force_z = force[0], force[1], force[2]
    x, y, z, gx, gy, gz = block[0], block[1], block[2], block[3], block[4], block[5]
    for begin in range(0, atoms, _BLOCK):
        end = min(begin + _BLOCK, atoms)
        # rows are far apart, by 2^n atoms often: in a cache they would push each other out
        for k in range(slots):
            _copy(index[k, begin:end], block_index[k])
            for c in range(3):
                _copy(bond[c, k, begin:end], block[c, k])
                _copy(gradient[c, k, begin:end], block[3 + c, k])
        for i in range(begin, end):
            a = i - begin
            fx = fy = fz = pull = real(0.0)
            for k in range(slots):
                j = np.uintp(block_index[k, a])
                u, v, w = real(gx[k, a]), real(gy[k, a]), real(gz[k, a])
                fx, fy, fz = fx + u, fy + v, fz + w
                force_x[j] -= u
                force_y[j] -= v
                force_z[j] -= w
                pull += u * real(x[k, a]) + v * real(y[k, a]) + w * real(z[k, a])
            force_x[i] += fx
            force_y[i] += fy
            force_z[i] += fz
            trace[i] = pull
    for p in range(len(crowded)):
        i = crowded[p]
        if i >= atoms:
            break
        for k in range(min(count[i], more_index.shape[0])):
            j = more_index[k, p]
            for c in range(3):
                g = real(more_gradient[c, k, p])
                force[c, i] += g
                force[c, j] -= g
                trace[i] += g * real(more_bond[c, k, p])


@compiled
def _call(frame: int, given: np.ndarray, made: np.ndarray) -> None:
    at, (slots, atoms) = argument(frame, 1)
    more, (most, places) = argument(frame, 5)
    everyone = result(frame, 0)[1][1]
    _collect(
        carray(argument(frame, 0)[0], (atoms,), np.int32),
        carray(at, (slots, atoms), np.int32),
        carray(argument(frame, 2)[0], (3, slots, atoms), given.dtype),
        carray(argument(frame, 3)[0], (3, slots, atoms), given.dtype),
        carray(argument(frame, 4)[0], (places,), np.int32),
        carray(more, (most, places), np.int32),
        carray(argument(frame, 6)[0], (3, most, places), given.dtype),
        carray(argument(frame, 7)[0], (3, most, places), given.dtype),
        carray(result(frame, 0)[0], (3, everyone), made.dtype),
        carray(result(frame, 1)[0], (atoms,), made.dtype),
        carray(result(frame, 2)[0], (slots, _BLOCK), np.int32),
        carray(result(frame, 3)[0], (6, slots, _BLOCK), given.dtype),
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
        _call(frame, _SINGLE, _DOUBLE)
    return 0


_HANDLERS = {
    ("float64", "float64"): _double,
    ("float32", "float32"): _single,
    ("float32", "float64"): _mixed,
}


def collect_forces(
    short: tuple[Bonds, Vectors],
    count: Int[Array, " atom"],
    crowded: tuple[Crowded, Vectors],
    dtype: DTypeLike | None,
    atoms: int,
) -> tuple[Float[Array, "3 all"], Float[Array, " atom"]]:
    """Forces (eV/A), and each atom's trace of gradient (x) bond (eV; traceable).

    Parameters
    ----------
    short, crowded
        As :func:`carbonize.potentials.listing.list_bonds` lists them, with the gradients of the energy (eV/A).
    count
        How many bonds each atom has.
    dtype
        Of the sums; None: that of the gradients.
    atoms
        How many atoms forces are on; the first ones have bonds.
    """
    (bonds, gradient), (apart, more) = short, crowded
    given = bonds.x.dtype
    made = jnp.dtype(given if dtype is None else dtype)
    slots = bonds.index.shape[0]
    shapes = (
        jax.ShapeDtypeStruct((3, atoms), made),
        jax.ShapeDtypeStruct((count.size,), made),
        jax.ShapeDtypeStruct((slots, _BLOCK), jnp.int32),
        jax.ShapeDtypeStruct((6 * slots, _BLOCK), given),
    )

    def three(parts: Vectors) -> Array:
        return jnp.concatenate([part.astype(given) for part in parts])

    forces, trace, *_ = jax.ffi.ffi_call(
        target("carbonize_collect", _HANDLERS, given.name, made.name), shapes
    )(
        count,
        bonds.index,
        three((bonds.x, bonds.y, bonds.z)),
        three(gradient),
        apart.atoms,
        apart.bonds.index,
        three((apart.bonds.x, apart.bonds.y, apart.bonds.z)),
        three(more),
    )
    return forces, trace
