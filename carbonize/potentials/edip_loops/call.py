"""The loops of this package as an operation of compiled JAX programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import jax
import jax.numpy as jnp
import numba
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float
from numba.np.numpy_support import carray

from carbonize.potentials.base import Bonds
from carbonize.potentials.edip_loops.forces import forces
from carbonize.potentials.edip_loops.layout import (
    BLOCK,
    BY_ATOM,
    BY_ATOM_OF_BLOCK,
    BY_CHUNK,
    BY_EDGE,
    BY_FAR,
    BY_NEAR,
    LANES,
    PARAMETERS,
    ROW_GAP,
)
from carbonize.potentials.foreign import argument, is_call, result, target

if TYPE_CHECKING:
    from carbonize.potentials.edip import Edip

__all__ = ["evaluate_in_loops"]


@numba.njit(error_model="numpy", cache=True)
def _call(frame: int, into: np.ndarray, out: np.ndarray) -> None:
    """Reads where arguments and results lie; ``into`` and ``out`` have the types of bond vectors and results.

    What is computed has the type of the results.
    """
    at, shape = argument(frame, 0)
    index = carray(at, shape, np.int32)
    x = carray(argument(frame, 1)[0], shape, into.dtype)
    y = carray(argument(frame, 2)[0], shape, into.dtype)
    z = carray(argument(frame, 3)[0], shape, into.dtype)
    parameters = carray(argument(frame, 4)[0], (_N_PARAMETERS,), out.dtype)
    slots, atoms = shape
    listed = parameters[_N_PARAMETERS - 1] != 0
    shift = carray(argument(frame, 5)[0], (3, slots, atoms), np.int8)
    positions = carray(argument(frame, 6)[0], (atoms, 3), into.dtype)
    at, (rows, _) = argument(frame, 7)
    cells = carray(at, (rows // 3, 3, 3), into.dtype)
    at, (components, _) = result(frame, 2)
    forces(
        listed,
        index,
        x,
        y,
        z,
        shift,
        positions,
        cells,
        parameters,
        parameters[_N_PARAMETERS - 2],
        carray(result(frame, 0)[0], (atoms,), out.dtype),
        carray(result(frame, 1)[0], (3, atoms), out.dtype),
        carray(at, (components, atoms), out.dtype),
        carray(result(frame, 3)[0], (atoms,), out.dtype),
        carray(result(frame, 4)[0], (atoms, BY_ATOM), out.dtype),
        carray(result(frame, 5)[0], (atoms, BY_ATOM), out.dtype),
        carray(result(frame, 6)[0], (atoms,), out.dtype),
        carray(result(frame, 7)[0], (atoms,), out.dtype),
        carray(result(frame, 8)[0], (atoms, 3), out.dtype),
        carray(result(frame, 9)[0], (atoms, 3), out.dtype),
        carray(result(frame, 10)[0], (2, atoms + 1), np.int64),
        carray(result(frame, 11)[0], (slots * atoms,), np.int32),
        carray(result(frame, 12)[0], (BY_NEAR, slots * atoms + ROW_GAP), out.dtype),
        carray(result(frame, 13)[0], (slots * atoms,), np.int32),
        carray(result(frame, 14)[0], (BY_FAR, slots * atoms + ROW_GAP), out.dtype),
        carray(result(frame, 15)[0], (4, slots + 1, ROW_GAP), out.dtype),
        carray(result(frame, 16)[0], (BY_ATOM_OF_BLOCK, BLOCK), out.dtype),
        carray(result(frame, 17)[0], (BLOCK + 1,), np.int64),
        carray(result(frame, 18)[0], (BLOCK * slots + 1,), np.int32),
        carray(result(frame, 19)[0], (BY_EDGE, BLOCK * slots + ROW_GAP), out.dtype),
        carray(result(frame, 20)[0], (2, BLOCK * slots * (slots - 1) // 2 + ROW_GAP), out.dtype),
        carray(result(frame, 21)[0], (slots * BY_CHUNK * LANES,), out.dtype),
    )


_N_PARAMETERS = len(PARAMETERS) + 2
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


def evaluate_in_loops(
    edip: Edip,
    bonds: Bonds,
    trim_A: float,
    with_virials: bool | Literal["trace"],
    accumulate: DTypeLike | None,
) -> tuple[
    Float[Array, " atom"], Float[Array, "3 atom"], Float[Array, "component atom"], Float[Array, " atom"]
]:
    """Energies (eV), forces (eV/A), virials (eV; one row, the trace, or six) and reach (A)."""
    slots, atoms = bonds.index.shape
    lists, whole = bonds.lists, jnp.int32
    values = np.array([*(getattr(edip, name) for name in PARAMETERS), trim_A, float(lists is not None)])
    out = jnp.dtype(bonds.x.dtype if accumulate is None else accumulate)
    into = bonds.x.dtype if lists is None else out

    def room(*shape: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, out)

    def places(*shape: int) -> jax.ShapeDtypeStruct:
        """Integers of 64 bits, also where JAX has been told to have none."""
        return jax.ShapeDtypeStruct((*shape, 2), whole)

    shapes = (
        room(atoms),
        room(3, atoms),
        room(6 if with_virials is True else 1, atoms),
        room(atoms),
        room(atoms, BY_ATOM),
        room(atoms, BY_ATOM),
        room(atoms),
        room(atoms),
        room(atoms, 3),
        room(atoms, 3),
        places(2, atoms + 1),
        jax.ShapeDtypeStruct((slots * atoms,), whole),
        room(BY_NEAR, slots * atoms + ROW_GAP),
        jax.ShapeDtypeStruct((slots * atoms,), whole),
        room(BY_FAR, slots * atoms + ROW_GAP),
        room(4, slots + 1, ROW_GAP),
        room(BY_ATOM_OF_BLOCK, BLOCK),
        places(BLOCK + 1),
        jax.ShapeDtypeStruct((BLOCK * slots + 1,), whole),
        room(BY_EDGE, BLOCK * slots + ROW_GAP),
        room(2, BLOCK * slots * (slots - 1) // 2 + ROW_GAP),
        room(slots * BY_CHUNK * LANES),
    )
    if lists is None:
        none = jnp.zeros((3, 3), into)
        given = bonds.x, bonds.y, bonds.z, jnp.zeros((3, 1), jnp.int8), none, none
    else:
        none = jnp.zeros((1, 1), into)
        positions, cells = lists.positions.astype(out), lists.cells.astype(out)
        given = none, none, none, lists.shift.reshape(-1, atoms), positions, cells.reshape(-1, 3)
    call = jax.ffi.ffi_call(target("carbonize_edip", _HANDLERS, into.name, out.name), shapes)
    constants = jnp.asarray(values.astype(out).view(np.int32))
    energies, forces, stress, reach, *_ = call(bonds.index.astype(whole), *given[:3], constants, *given[3:])
    return energies, forces, stress, reach
