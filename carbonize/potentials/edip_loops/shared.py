"""The three rounds as operations of their own, for several cores that have some of the atoms each.

A core has the lists of its own atoms, which come first in its numbering. Between the rounds the cores tell each
other z and M of their atoms, and what each found for dE/dz and dE/dM of the others' atoms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float
from numba.np.numpy_support import carray

from carbonize.potentials.base import Bonds, Exchange
from carbonize.potentials.edip_loops.call import (
    block_room,
    given_arrays,
    room,
    sorted_room,
    what_is_given,
)
from carbonize.potentials.edip_loops.coordination import backwards, coordination
from carbonize.potentials.edip_loops.forces import second_round
from carbonize.potentials.edip_loops.layout import (
    AT_PI3,
    AT_Z,
    BLOCK,
    BY_ATOM,
    BY_ATOM_OF_BLOCK,
    BY_CHUNK,
    BY_EDGE,
    BY_FAR,
    BY_NEAR,
    LANES,
    N_PARAMETERS,
    ROW_GAP,
)
from carbonize.potentials.edip_loops.neighbours import neighbours, say_unsound
from carbonize.potentials.foreign import argument, compiled, is_call, result, target

if TYPE_CHECKING:
    from carbonize.potentials.edip import Edip

__all__ = ["evaluate_among_cores"]


@compiled
def _first(frame: int, into: np.ndarray, out: np.ndarray) -> None:
    """Neighbours, z and M of the own atoms."""
    parameters = carray(argument(frame, 4)[0], (N_PARAMETERS,), out.dtype)
    given = given_arrays(frame, into, parameters)
    slots, own = given[1].shape
    atom = carray(result(frame, 0)[0], (own, BY_ATOM), out.dtype)
    sound = carray(result(frame, 1)[0], (1,), np.int32)
    starts = carray(result(frame, 2)[0], (2, own + 1), np.int64)
    near = carray(result(frame, 4)[0], (BY_NEAR, slots * own + ROW_GAP), out.dtype)
    far = carray(result(frame, 6)[0], (BY_FAR, slots * own + ROW_GAP), out.dtype)
    sound[0] = neighbours(
        given,
        parameters,
        starts,
        carray(result(frame, 3)[0], (slots * own,), np.int32),
        near,
        carray(result(frame, 5)[0], (slots * own,), np.int32),
        far,
        carray(result(frame, 7)[0], (4, slots + 1, ROW_GAP), out.dtype),
        carray(result(frame, 8)[0], (BLOCK * slots + 1,), np.int32),
    )
    partner = carray(result(frame, 9)[0], (own,), out.dtype)
    work = carray(result(frame, 10)[0], (1, BLOCK * slots + ROW_GAP), out.dtype)
    coordination(parameters, atom, partner, starts, near, far, work)


@compiled
def _second(frame: int, into: np.ndarray, out: np.ndarray) -> None:
    """Everything up to dE/dZ, and what it means for z and M of all."""
    parameters = carray(argument(frame, 4)[0], (N_PARAMETERS,), out.dtype)
    given = given_arrays(frame, into, parameters)
    slots, own = given[1].shape
    at, (everyone, _) = argument(frame, 8)
    atom = carray(at, (everyone, BY_ATOM), out.dtype)
    partner = carray(result(frame, 7)[0], (everyone,), out.dtype)
    one, three = out.dtype.type(1.0), out.dtype.type(3.0)
    for j in range(everyone):
        partner[j] = one if atom[j, AT_Z] <= three else atom[j, AT_PI3]
    energies = carray(result(frame, 0)[0], (own,), out.dtype)
    total = carray(result(frame, 1)[0], (everyone, 3), out.dtype)
    at, (components, _) = result(frame, 3)
    second_round(
        given,
        parameters,
        energies,
        total,
        carray(result(frame, 2)[0], (everyone, 3), out.dtype),
        carray(at, (components, own), out.dtype),
        carray(result(frame, 4)[0], (own,), out.dtype),
        atom,
        carray(result(frame, 5)[0], (everyone, BY_ATOM), out.dtype),
        partner,
        carray(result(frame, 6)[0], (everyone,), out.dtype),
        carray(argument(frame, 10)[0], (2, own + 1), np.int64),
        carray(argument(frame, 11)[0], (slots * own,), np.int32),
        carray(argument(frame, 12)[0], (BY_NEAR, slots * own + ROW_GAP), out.dtype),
        carray(argument(frame, 13)[0], (slots * own,), np.int32),
        carray(argument(frame, 14)[0], (BY_FAR, slots * own + ROW_GAP), out.dtype),
        carray(result(frame, 8)[0], (BY_ATOM_OF_BLOCK, BLOCK), out.dtype),
        carray(result(frame, 9)[0], (BLOCK + 1,), np.int64),
        carray(result(frame, 10)[0], (BLOCK * slots + 1,), np.int32),
        carray(result(frame, 11)[0], (BY_EDGE, BLOCK * slots + ROW_GAP), out.dtype),
        carray(result(frame, 12)[0], (2, BLOCK * slots * (slots - 1) // 2 + ROW_GAP), out.dtype),
        carray(result(frame, 13)[0], (slots * BY_CHUNK * LANES,), out.dtype),
    )
    if carray(argument(frame, 9)[0], (1,), np.int32)[0] == 0:
        say_unsound(given, energies, total.T)


@compiled
def _third(frame: int, out: np.ndarray) -> None:
    """From dE/dz and dE/dM of the own atoms to the bonds."""
    at, (own, _) = argument(frame, 0)
    room_near = argument(frame, 5)[1][1]
    force = carray(result(frame, 0)[0], (result(frame, 0)[1][0], 3), out.dtype)
    components = result(frame, 1)[1][0]
    stress = carray(result(frame, 1)[0], (components, own), out.dtype)
    force[:] = 0.0
    stress[:] = 0.0
    backwards(
        force,
        stress,
        carray(at, (own, BY_ATOM), out.dtype),
        carray(argument(frame, 1)[0], (own, BY_ATOM), out.dtype),
        carray(argument(frame, 2)[0], (own,), out.dtype),
        carray(argument(frame, 3)[0], (2, own + 1), np.int64),
        carray(argument(frame, 4)[0], (room_near - ROW_GAP,), np.int32),
        carray(argument(frame, 5)[0], (BY_NEAR, room_near), out.dtype),
    )


_DOUBLE, _SINGLE = np.zeros(1), np.zeros(1, np.float32)


def _first_double(frame: int) -> int:
    if is_call(frame):
        _first(frame, _DOUBLE, _DOUBLE)
    return 0


def _first_single(frame: int) -> int:
    if is_call(frame):
        _first(frame, _SINGLE, _SINGLE)
    return 0


def _first_mixed(frame: int) -> int:
    if is_call(frame):
        _first(frame, _SINGLE, _DOUBLE)
    return 0


def _second_double(frame: int) -> int:
    if is_call(frame):
        _second(frame, _DOUBLE, _DOUBLE)
    return 0


def _second_single(frame: int) -> int:
    if is_call(frame):
        _second(frame, _SINGLE, _SINGLE)
    return 0


def _second_mixed(frame: int) -> int:
    if is_call(frame):
        _second(frame, _SINGLE, _DOUBLE)
    return 0


def _third_double(frame: int) -> int:
    if is_call(frame):
        _third(frame, _DOUBLE)
    return 0


def _third_single(frame: int) -> int:
    if is_call(frame):
        _third(frame, _SINGLE)
    return 0


_FIRST = {
    ("float64", "float64"): _first_double,
    ("float32", "float32"): _first_single,
    ("float32", "float64"): _first_mixed,
}
_SECOND = {
    ("float64", "float64"): _second_double,
    ("float32", "float32"): _second_single,
    ("float32", "float64"): _second_mixed,
}
_THIRD = {("float64",): _third_double, ("float32",): _third_single}


def evaluate_among_cores(
    edip: Edip,
    bonds: Bonds,
    everyone: int,
    exchange: Exchange,
    trim_A: float,
    with_virials: bool | Literal["trace"],
    accumulate: DTypeLike | None,
) -> tuple[Float[Array, " own"], Float[Array, "3 all"], Float[Array, "component own"], Float[Array, " own"]]:
    """As :func:`carbonize.potentials.edip_loops.call.evaluate_in_loops`, of the first of ``everyone`` atoms."""
    given, into, out = what_is_given(edip, bonds, trim_A, accumulate)
    slots, own = bonds.index.shape
    components = 6 if with_virials is True else 1

    def call(name: str, handlers: Any, shapes: Any, *arguments: Array, types: tuple[str, ...]) -> Any:
        return jax.ffi.ffi_call(target(name, handlers, *types), shapes)(*arguments)

    both = (into.name, out.name)
    atom, sound, *neighbours = call(
        "carbonize_edip_first",
        _FIRST,
        (
            room(out, own, BY_ATOM),
            room(np.int32, 1),
            *sorted_room(out, slots, own),
            room(out, 4, slots + 1, ROW_GAP),
            room(np.int32, BLOCK * slots + 1),
            room(out, own),
            room(out, 1, BLOCK * slots + ROW_GAP),
        ),
        *given,
        types=both,
    )[:7]
    energies, total, angular, stress, reach, slope, reaction = call(
        "carbonize_edip_second",
        _SECOND,
        (
            room(out, own),
            room(out, everyone, 3),
            room(out, everyone, 3),
            room(out, components, own),
            room(out, own),
            room(out, everyone, BY_ATOM),
            room(out, everyone),
            room(out, everyone),
            *block_room(out, slots),
        ),
        *given,
        exchange.everyones(atom),
        sound,
        *neighbours,
        types=both,
    )[:7]
    met = exchange.summed(jax.numpy.concatenate([slope, reaction[:, None]], axis=1))
    starts, near_who, near = neighbours[:3]
    last, more = call(
        "carbonize_edip_third",
        _THIRD,
        (room(out, everyone, 3), room(out, components, own)),
        atom,
        met[:, :BY_ATOM],
        met[:, BY_ATOM],
        starts,
        near_who,
        near,
        types=(out.name,),
    )
    return energies, (total + angular + last).T, stress + more, reach
