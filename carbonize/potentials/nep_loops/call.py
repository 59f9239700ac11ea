"""The loops of this package as an operation of compiled JAX programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int
from numba.np.numpy_support import carray

from carbonize.potentials.base import Bonds
from carbonize.potentials.foreign import argument, bond_arrays, compiled, is_call, result, target
from carbonize.potentials.nep_loops.forces import forces
from carbonize.potentials.nep_loops.harmonics import tables
from carbonize.potentials.nep_loops.layout import (
    BLOCK,
    BY_CLOSE,
    BY_NEAR,
    LANES,
    POLYNOMIAL,
    rounded_up,
)

if TYPE_CHECKING:
    from carbonize.potentials.nep_file import NepModel

__all__ = ["evaluate_in_loops"]

_SIZES = (
    "elements",
    "networks",
    "neurons",
    "descriptors",
    "radial",
    "radial_terms",
    "angular",
    "angular_terms",
    "l_max",
    "four_body",
    "five_body",
    "repels",
    "listed",
)
_N_SIZES = len(_SIZES)
_BY_WORK = 7
_SPARE = 2 * LANES
"""Room behind the last bond of a block: tiles write whole."""


@compiled
def _call(frame: int, given: np.ndarray, inner: np.ndarray, out: np.ndarray) -> None:
    """Reads where arguments and results lie; the arrays have the types of positions, of what is computed and of results."""
    sizes = carray(argument(frame, 0)[0], (_N_SIZES,), np.int32)
    elements, networks, neurons, descriptors = sizes[0], sizes[1], sizes[2], sizes[3]
    radial, radial_terms, angular, angular_terms = sizes[4], sizes[5], sizes[6], sizes[7]
    l_max = sizes[8]
    at, (slots, atoms) = argument(frame, 1)
    everyone = argument(frame, 6)[1][0]
    cells = argument(frame, 7)[1][0]
    bonds = (
        sizes[12] != 0,
        carray(at, (slots, atoms), np.int32),
        carray(argument(frame, 2)[0], (slots, atoms), inner.dtype),
        carray(argument(frame, 3)[0], (slots, atoms), inner.dtype),
        carray(argument(frame, 4)[0], (slots, atoms), inner.dtype),
        carray(argument(frame, 5)[0], (3, slots, atoms), np.int8),
        carray(argument(frame, 6)[0], (everyone, 3), given.dtype),
        carray(argument(frame, 7)[0], (cells // 3, 3, 3), given.dtype),
    )
    at_species, (_, named) = argument(frame, 8)
    work_rows = max(_BY_WORK, 2 * l_max + 6)
    room = BLOCK * slots + _SPARE
    width = result(frame, 14)[1][1]
    of_angular = BLOCK * angular
    at, (components, _) = result(frame, 2)
    model = (
        sizes[9:12],
        carray(argument(frame, 9)[0], (elements, elements), inner.dtype),
        carray(argument(frame, 10)[0], (elements, elements), inner.dtype),
        carray(argument(frame, 11)[0], (elements, radial, elements * radial_terms), inner.dtype),
        carray(argument(frame, 12)[0], (elements, angular, elements * angular_terms), inner.dtype),
        carray(argument(frame, 13)[0], (networks, neurons, descriptors), inner.dtype),
        carray(argument(frame, 14)[0], (networks, neurons), inner.dtype),
        carray(argument(frame, 15)[0], (networks, neurons), inner.dtype),
        carray(argument(frame, 16)[0], (1,), inner.dtype)[0],
        carray(argument(frame, 17)[0], (l_max + 1, l_max + 1, POLYNOMIAL), inner.dtype),
        carray(argument(frame, 18)[0], (l_max + 1, l_max + 1, POLYNOMIAL), inner.dtype),
        carray(argument(frame, 19)[0], (elements, elements, 12), inner.dtype),
    )
    found = (
        carray(result(frame, 0)[0], (atoms,), out.dtype),
        carray(result(frame, 1)[0], (3, named), out.dtype),
        carray(at, (components, atoms), out.dtype),
    )
    space = (
        carray(result(frame, 3)[0], (BLOCK * elements + 1,), np.int64),
        carray(result(frame, 4)[0], (room,), np.int32),
        carray(result(frame, 5)[0], (BY_NEAR, room), inner.dtype),
        carray(result(frame, 6)[0], (radial_terms, room), inner.dtype),
        carray(result(frame, 7)[0], (radial_terms, room), inner.dtype),
        carray(result(frame, 8)[0], (BLOCK * elements + 1,), np.int64),
        carray(result(frame, 9)[0], (room,), np.int32),
        carray(result(frame, 10)[0], (BY_CLOSE, room), inner.dtype),
        carray(result(frame, 11)[0], (angular_terms, room), inner.dtype),
        carray(result(frame, 12)[0], (angular_terms, room), inner.dtype),
        carray(result(frame, 13)[0], (width, room), inner.dtype),
        carray(result(frame, 14)[0], (room, width), inner.dtype),
        carray(result(frame, 15)[0], (room, width), inner.dtype),
        carray(result(frame, 16)[0], (work_rows, room), inner.dtype),
        carray(result(frame, 17)[0], (elements * angular_terms, width), inner.dtype),
        carray(result(frame, 18)[0], (elements * angular_terms, width), inner.dtype),
        carray(result(frame, 19)[0], (angular, width), inner.dtype),
        carray(result(frame, 20)[0], (width, of_angular), inner.dtype),
        carray(result(frame, 21)[0], (width, of_angular), inner.dtype),
        carray(result(frame, 22)[0], (l_max + 2, of_angular), inner.dtype),
        carray(result(frame, 23)[0], (descriptors, BLOCK), inner.dtype),
        carray(result(frame, 24)[0], (descriptors, BLOCK), inner.dtype),
        carray(result(frame, 25)[0], (BLOCK,), inner.dtype),
        carray(result(frame, 26)[0], (neurons, BLOCK), inner.dtype),
        carray(result(frame, 27)[0], (neurons, BLOCK), inner.dtype),
        carray(result(frame, 28)[0], (descriptors + 1, BLOCK), inner.dtype),
        carray(result(frame, 29)[0], (slots, LANES), inner.dtype),
        carray(result(frame, 30)[0], (radial_terms, LANES), inner.dtype),
        carray(result(frame, 31)[0], (1, radial_terms), inner.dtype),
        carray(result(frame, 32)[0], (BLOCK,), np.int32),
        carray(result(frame, 33)[0], (slots, BLOCK), np.int32),
        carray(result(frame, 34)[0], (3, slots, BLOCK), np.int8),
    )
    forces(bonds, carray(at_species, (named,), np.int32), model, found, space)


_DOUBLE, _SINGLE = np.zeros(1), np.zeros(1, np.float32)


def _double(frame: int) -> int:
    if is_call(frame):
        _call(frame, _DOUBLE, _DOUBLE, _DOUBLE)
    return 0


def _single(frame: int) -> int:
    if is_call(frame):
        _call(frame, _SINGLE, _SINGLE, _SINGLE)
    return 0


def _mixed(frame: int) -> int:
    if is_call(frame):
        _call(frame, _DOUBLE, _SINGLE, _DOUBLE)
    return 0


_HANDLERS = {
    ("float64", "float64"): _double,
    ("float32", "float32"): _single,
    ("float32", "float64"): _mixed,
}


def evaluate_in_loops(
    model: NepModel,
    bonds: Bonds,
    species: Int[Array, " all"],
    with_virials: bool | Literal["trace"],
    accumulate: DTypeLike | None,
) -> tuple[Float[Array, " atom"], Float[Array, "3 all"], Float[Array, "component atom"]]:
    """Energies (eV), forces (eV/A) and virials (eV; one row, the trace, or six)."""
    slots, atoms = bonds.index.shape
    inner = bonds.x.dtype
    out = jnp.dtype(inner if accumulate is None else accumulate)
    elements, radial = model.radial.shape[1:3]
    angular = model.angular.shape[2]
    radial_terms, angular_terms = model.radial.shape[3], model.angular.shape[3]
    networks, neurons, descriptors = model.input_weights.shape
    l_max = model.l_max
    width = rounded_up((l_max + 1) ** 2 - 1)
    room = BLOCK * slots + _SPARE
    sizes = (
        *(elements, networks, neurons, descriptors, radial, radial_terms, angular, angular_terms, l_max),
        *(
            int(model.four_body),
            int(model.five_body),
            int(model.zbl is not None),
            int(bonds.lists is not None),
        ),
    )
    assert len(sizes) == _N_SIZES

    def numbers(*shape: int, dtype: DTypeLike = inner) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, dtype)

    whole = jnp.int32
    shapes = (
        numbers(atoms, dtype=out),
        numbers(3, species.size, dtype=out),
        numbers(6 if with_virials is True else 1, atoms, dtype=out),
        numbers(BLOCK * elements + 1, 2, dtype=whole),  # 64 bits each
        numbers(room, dtype=whole),
        numbers(BY_NEAR, room),
        numbers(radial_terms, room),
        numbers(radial_terms, room),
        numbers(BLOCK * elements + 1, 2, dtype=whole),
        numbers(room, dtype=whole),
        numbers(BY_CLOSE, room),
        numbers(angular_terms, room),
        numbers(angular_terms, room),
        numbers(width, room),
        numbers(room, width),
        numbers(room, width),
        numbers(max(_BY_WORK, 2 * l_max + 6), room),
        numbers(elements * angular_terms, width),
        numbers(elements * angular_terms, width),
        numbers(angular, width),
        numbers(width, BLOCK * angular),
        numbers(width, BLOCK * angular),
        numbers(l_max + 2, BLOCK * angular),
        numbers(descriptors, BLOCK),
        numbers(descriptors, BLOCK),
        numbers(BLOCK),
        numbers(neurons, BLOCK),
        numbers(neurons, BLOCK),
        numbers(descriptors + 1, BLOCK),
        numbers(slots, LANES),
        numbers(radial_terms, LANES),
        numbers(1, radial_terms),
        numbers(BLOCK, dtype=whole),
        numbers(slots, BLOCK, dtype=whole),
        numbers(3 * slots, BLOCK, dtype=jnp.int8),
    )
    vectors, rest = bond_arrays(bonds, inner, out)

    def constant(values: Any) -> Array:
        return jnp.asarray(np.ravel(values), inner)

    def joined(coefficients: np.ndarray) -> np.ndarray:
        """(element, neighbour's element, n, k) -> (element, n, neighbour's element times k)."""
        return coefficients.transpose(0, 2, 1, 3)

    call = jax.ffi.ffi_call(target("carbonize_nep", _HANDLERS, inner.name, out.name), shapes)
    energies, total, stress, *_ = call(
        jnp.asarray(sizes, whole),
        bonds.index.astype(whole),
        *vectors,
        *rest,
        species.astype(whole),
        constant(model.radial_A),
        constant(model.angular_A),
        constant(joined(model.radial)),
        constant(joined(model.angular)),
        constant(model.input_weights),
        constant(model.input_biases),
        constant(model.output_weights),
        constant([model.bias_eV]),
        *(constant(table) for table in tables(l_max)),
        constant(_repulsions(model)),
    )
    return energies, total, stress


def _repulsions(model: NepModel) -> np.ndarray:
    """Cutoffs, strength, inverse length, amplitudes and decays of every pair of elements, (element, element, 12)."""
    elements = len(model.radial_A)
    if model.zbl is None:
        return np.zeros((elements, elements, 12))
    z = model.zbl
    shape = (elements, elements)
    single = [
        np.broadcast_to(v, shape) for v in (z.inner_A, z.outer_A, z.strength_eV_A, z.inverse_length_per_A)
    ]
    several = [np.broadcast_to(v, shape) for v in (*z.amplitudes, *z.decays)]
    return np.stack([*single, *several], axis=-1)
