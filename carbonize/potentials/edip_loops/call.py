"""The loops of this package as an operation of compiled JAX programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
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
    N_PARAMETERS,
    PARAMETERS,
    ROW_GAP,
)
from carbonize.potentials.foreign import argument, bond_arrays, compiled, is_call, result, target

if TYPE_CHECKING:
    from carbonize.potentials.edip import Edip

__all__ = [
    "block_room",
    "evaluate_in_loops",
    "given_arrays",
    "places",
    "room",
    "sorted_room",
    "what_is_given",
]


@compiled
def given_arrays(frame: int, into: np.ndarray, parameters: Any) -> Any:
    """Whether lists are given, and what bond vectors are or are made of: arguments 0 to 7 without the parameters."""
    at, shape = argument(frame, 0)
    slots, atoms = shape
    everyone = argument(frame, 6)[1][0]
    rows = argument(frame, 7)[1][0]
    return (
        parameters[N_PARAMETERS - 1] != 0,
        carray(at, shape, np.int32),
        carray(argument(frame, 1)[0], shape, into.dtype),
        carray(argument(frame, 2)[0], shape, into.dtype),
        carray(argument(frame, 3)[0], shape, into.dtype),
        carray(argument(frame, 5)[0], (3, slots, atoms), np.int8),
        carray(argument(frame, 6)[0], (everyone, 3), into.dtype),
        carray(argument(frame, 7)[0], (rows // 3, 3, 3), into.dtype),
    )


@compiled
def _call(frame: int, into: np.ndarray, out: np.ndarray) -> None:
    """Reads where arguments and results lie; ``into`` and ``out`` have the types of bond vectors and results.

    What is computed has the type of the results.
    """
    parameters = carray(argument(frame, 4)[0], (N_PARAMETERS,), out.dtype)
    given = given_arrays(frame, into, parameters)
    slots, atoms = given[1].shape
    at, (components, _) = result(frame, 2)
    forces(
        given,
        parameters,
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
    arguments, into, out = what_is_given(edip, bonds, trim_A, accumulate)
    slots, atoms = bonds.index.shape
    shapes = (
        room(out, atoms),
        room(out, 3, atoms),
        room(out, 6 if with_virials is True else 1, atoms),
        room(out, atoms),
        room(out, atoms, BY_ATOM),
        room(out, atoms, BY_ATOM),
        room(out, atoms),
        room(out, atoms),
        room(out, atoms, 3),
        room(out, atoms, 3),
        *sorted_room(out, slots, atoms),
        room(out, 4, slots + 1, ROW_GAP),
        *block_room(out, slots),
    )
    call = jax.ffi.ffi_call(target("carbonize_edip", _HANDLERS, into.name, out.name), shapes)
    energies, forces, stress, reach, *_ = call(*arguments)
    return energies, forces, stress, reach


def what_is_given(
    edip: Edip, bonds: Bonds, trim_A: float, accumulate: DTypeLike | None
) -> tuple[tuple[Array, ...], jnp.dtype, jnp.dtype]:
    """Arguments 0 to 7 of a handler, and the types of bond vectors and results."""
    lists = bonds.lists
    values = np.array([*(getattr(edip, name) for name in PARAMETERS), trim_A, float(lists is not None)])
    out = jnp.dtype(bonds.x.dtype if accumulate is None else accumulate)
    into = bonds.x.dtype if lists is None else out
    vectors, rest = bond_arrays(bonds, into, into)
    constants = jnp.asarray(values.astype(out).view(np.int32))
    return (bonds.index.astype(jnp.int32), *vectors, constants, *rest), into, out


def room(dtype: DTypeLike, *shape: int) -> jax.ShapeDtypeStruct:
    """An array of results."""
    return jax.ShapeDtypeStruct(shape, dtype)


def places(*shape: int) -> jax.ShapeDtypeStruct:
    """Integers of 64 bits, also where JAX has been told to have none."""
    return jax.ShapeDtypeStruct((*shape, 2), jnp.int32)


def sorted_room(out: DTypeLike, slots: int, atoms: int) -> tuple[jax.ShapeDtypeStruct, ...]:
    """For the two lists of neighbours: starts, near_who, near, far_who and far of :func:`forces`."""
    return (
        places(2, atoms + 1),
        room(jnp.int32, slots * atoms),
        room(out, BY_NEAR, slots * atoms + ROW_GAP),
        room(jnp.int32, slots * atoms),
        room(out, BY_FAR, slots * atoms + ROW_GAP),
    )


def block_room(out: DTypeLike, slots: int) -> tuple[jax.ShapeDtypeStruct, ...]:
    """For a block of atoms: block, edge_starts, edge_who, edge, triple and lanes of :func:`forces`."""
    return (
        room(out, BY_ATOM_OF_BLOCK, BLOCK),
        places(BLOCK + 1),
        room(jnp.int32, BLOCK * slots + 1),
        room(out, BY_EDGE, BLOCK * slots + ROW_GAP),
        room(out, 2, BLOCK * slots * (slots - 1) // 2 + ROW_GAP),
        room(out, slots * BY_CHUNK * LANES),
    )
