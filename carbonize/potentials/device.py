"""Kernels for graphics cards: one thread an atom, loops as long as the atom's own bonds.

XLA's arrays have as many slots as the most crowded atom might need, and every stage of a
potential reads and writes all of them. A thread that counts its own bonds does neither. Written
in Pallas for Triton; on the CPU they run in its interpreter, for tests only.

Threads of a block of atoms keep what they will read again in arrays of the same (slot, atom)
layout. An atom's entries are written and read by one thread, so nothing has to be synchronised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from carbonize.potentials.base import PAD_A, Bonds

if TYPE_CHECKING:
    from carbonize.potentials.edip import Edip

__all__ = ["available", "forces_from_bonds", "pairs_and_triples", "scatter_add", "shells"]

_THREADS = 32
"""Atoms of a block, each with a thread of its own."""


_AT_ONCE = 8
"""Slots whose vectors are on their way from memory at the same time."""


def available() -> bool:
    """Whether compiled code will run on a card that these kernels are for."""
    return jax.default_backend() == "gpu"


def shells(
    bonds: Bonds, bounds: Sequence[tuple[float, float | Array]], capacities: Sequence[int]
) -> list[tuple[Bonds, Int[Array, " atom"]]]:
    """For each of ``bounds`` the bonds with low <= r < high (A), and how many each atom has.

    ``high`` may differ from atom to atom. The order of the bonds is kept.
    """
    slots, atoms = bonds.index.shape
    dtype = bonds.x.dtype
    limits = [jnp.broadcast_to(jnp.asarray(high, dtype), (atoms,)) for _, high in bounds]
    lows = [low for low, _ in bounds]

    def kernel(*refs: Any) -> None:
        index, x, y, z, *rest = refs
        highs, outputs = rest[: len(bounds)], rest[len(bounds) :]
        atom, real = _my_atoms(atoms)
        high2 = []
        for ref in highs:
            high = _load(ref, atom, real, 0.0)
            high2.append(high * high)

        def one(slot: Array, counts: tuple[Array, ...]) -> tuple[Array, ...]:
            there = real & (slot < slots)
            j = _load(index, (slot, atom), there, 0)
            v = [
                _load(x, (slot, atom), there, PAD_A),
                _load(y, (slot, atom), there),
                _load(z, (slot, atom), there),
            ]
            r2 = v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
            new = []
            for k, count in enumerate(counts):
                found = there & (r2 < high2[k])
                if lows[k] > 0.0:
                    found = found & (r2 >= lows[k] * lows[k])
                room = found & (count < capacities[k])
                place = jnp.minimum(count, capacities[k] - 1)
                for ref, value in zip(outputs[5 * k : 5 * k + 4], (j, *v), strict=True):
                    _store(ref, (place, atom), value, room)
                new.append(count + found.astype(jnp.int32))
            return tuple(new)

        def several(first: Array, counts: tuple[Array, ...]) -> tuple[Array, ...]:
            for k in range(_AT_ONCE):
                counts = one(first * _AT_ONCE + k, counts)
            return counts

        none = jnp.zeros((_THREADS,), jnp.int32)
        counts = jax.lax.fori_loop(0, -(-slots // _AT_ONCE), several, (none,) * len(bounds))
        for k, count in enumerate(counts):
            _store(outputs[5 * k + 4], atom, count, real)
            unused = (atom, jnp.full((_THREADS,), PAD_A, dtype), jnp.zeros((_THREADS,), dtype))

            def clear(slot: Array, _: None, k: int = k, count: Array = count, unused: Any = unused) -> None:
                free = real & (slot >= count)
                for ref, value in zip(outputs[5 * k : 5 * k + 4], (*unused, unused[2]), strict=True):
                    _store(ref, (slot, atom), value, free)

            jax.lax.fori_loop(jnp.min(jnp.where(real, count, capacities[k])), capacities[k], clear, None)

    shapes = []
    for capacity in capacities:
        shapes.append(jax.ShapeDtypeStruct((capacity, atoms), jnp.int32))
        shapes += [jax.ShapeDtypeStruct((capacity, atoms), dtype)] * 3
        shapes.append(jax.ShapeDtypeStruct((atoms,), jnp.int32))
    out = _call(kernel, atoms, shapes)(bonds.index, bonds.x, bonds.y, bonds.z, *limits)
    return [(Bonds(*out[5 * k : 5 * k + 4]), out[5 * k + 4]) for k in range(len(bounds))]


def pairs_and_triples(
    edip: Edip,
    bonds: Bonds,
    count: Int[Array, " atom"],
    Z: Float[Array, " atom"],
    trim_A: float,
    accumulate: DTypeLike | None = None,
) -> tuple[Float[Array, " atom"], Float[Array, " atom"], tuple[Array, Array, Array]]:
    """The same as :func:`carbonize.potentials.edip_pairs.pairs_and_triples`."""
    slots, atoms = bonds.index.shape
    dtype = bonds.x.dtype
    wide = dtype if accumulate is None else jnp.dtype(accumulate)

    def kernel(*refs: Any) -> None:
        x, y, z, counts, Zs, energies, dE_dZs, gx, gy, gz, ux, uy, uz, gs = refs
        atom, real = _my_atoms(atoms)
        used = jnp.minimum(jnp.max(_load(counts, atom, real, 0)), slots)
        Z = _load(Zs, atom, real, 0.0)
        offset = Z - edip.Z0
        lam = edip.lambda0_eV * jnp.exp(-edip.lambda_slope * offset * offset)
        dlam = -2.0 * edip.lambda_slope * offset * lam
        th = jnp.tanh(edip.t1 * (Z - edip.t2))
        tau = 1.0 - (Z * (1.0 / 12.0)) * (1.0 + th)
        dtau = -(1.0 / 12.0) * (1.0 + th + Z * edip.t1 * (1.0 - th * th))
        order = jnp.exp(-edip.beta * Z * Z)
        dorder = -2.0 * edip.beta * Z * order
        reach = edip.a_A + edip.a_slope_A * Z
        strength = 2.0 * edip.q * lam

        def length(slot: Array) -> tuple[Array, ...]:
            v = [
                _load(x, (slot, atom), real, PAD_A),
                _load(y, (slot, atom), real),
                _load(z, (slot, atom), real),
            ]
            r2 = v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
            inverse_r = 1.0 / jnp.sqrt(r2)
            gap = r2 * inverse_r - reach
            alive = gap < -trim_A
            return *v, inverse_r, alive, 1.0 / jnp.where(alive, gap, -1.0)

        def prepare(slot: Array, _: None) -> None:
            vx, vy, vz, inverse_r, alive, inverse_gap = length(slot)
            g = jnp.where(alive, jnp.exp(edip.gamma_A * inverse_gap), 0.0)
            values = (vx * inverse_r, vy * inverse_r, vz * inverse_r, g)
            for ref, value in zip((ux, uy, uz, gs), values, strict=True):
                _store(ref, (slot, atom), value, real)

        def unit(slot: Array) -> tuple[Array, ...]:
            return tuple(_load(ref, (slot, atom), real) for ref in (ux, uy, uz, gs))

        def bond(j: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
            energy, dE_dZ, triples, inward, torques = sums
            _, _, _, inverse_r, alive, inverse_gap = length(j)
            x_j, y_j, z_j, g_j = unit(j)

            def partner(k: Array, of: tuple[Array, ...]) -> tuple[Array, ...]:
                shadow, pull, tx, ty, tz, total = of
                x_k, y_k, z_k, g_k = unit(k)
                g_k = jnp.where(k == j, jnp.zeros_like(g_k), g_k)
                cosine = x_j * x_k + y_j * y_k + z_j * z_k
                lean = cosine + tau
                bell = jnp.exp(-edip.q * lean * lean)
                torque = strength * g_j * g_k * lean * bell
                return (
                    shadow + g_k * (1.0 - bell),
                    pull + torque * cosine,
                    tx + torque * x_k,
                    ty + torque * y_k,
                    tz + torque * z_k,
                    total + torque,
                )

            nothing = jnp.zeros((_THREADS,), dtype)
            shadow, pull, tx, ty, tz, total = jax.lax.fori_loop(0, used, partner, (nothing,) * 6)
            tail = jnp.where(alive, edip.epsilon_eV * jnp.exp(edip.sigma_A * inverse_gap), 0.0)
            inverse_gap2 = inverse_gap * inverse_gap
            steep = edip.B4_A4 * (inverse_r * inverse_r) * (inverse_r * inverse_r)
            pair = (steep - order) * tail
            from_gap = -edip.sigma_A * inverse_gap2 * pair
            dpair_dr = from_gap - 4.0 * steep * inverse_r * tail
            dpair_dZ = -edip.a_slope_A * from_gap - dorder * tail
            dg = -edip.gamma_A * inverse_gap2 * g_j
            radial = dpair_dr + lam * shadow * dg - inverse_r * pull
            gradient = (
                radial * x_j + inverse_r * tx,
                radial * y_j + inverse_r * ty,
                radial * z_j + inverse_r * tz,
            )
            for ref, value in zip((gx, gy, gz), gradient, strict=True):
                _store(ref, (j, atom), value, real)
            return (
                energy + (pair + lam * (0.5 * g_j * shadow)).astype(wide),
                dE_dZ + dpair_dZ,
                triples + 0.5 * g_j * shadow,
                inward + dg * shadow,
                torques + 0.5 * total,
            )

        nothing = jnp.zeros((_THREADS,), dtype)
        jax.lax.fori_loop(0, used, prepare, None)
        start = (nothing.astype(wide), nothing, nothing, nothing, nothing)
        energy, dE_dZ, triples, inward, torques = jax.lax.fori_loop(0, used, bond, start)
        _store(energies, atom, energy, real)
        change = dE_dZ + dlam * triples + dtau * torques - edip.a_slope_A * lam * inward
        _store(dE_dZs, atom, change, real)

        def clear(slot: Array, _: None) -> None:
            for ref in (gx, gy, gz):
                _store(ref, (slot, atom), nothing, real)

        jax.lax.fori_loop(used, slots, clear, None)

    table = jax.ShapeDtypeStruct((slots, atoms), dtype)
    shapes = [jax.ShapeDtypeStruct((atoms,), wide), jax.ShapeDtypeStruct((atoms,), dtype), *[table] * 7]
    energies, dE_dZ, gx, gy, gz, *_ = _call(kernel, atoms, shapes)(bonds.x, bonds.y, bonds.z, count, Z)
    return energies, dE_dZ, (gx, gy, gz)


def scatter_add(
    shares: Sequence[tuple[Bonds, Int[Array, " atom"], Array]],
) -> Float[Array, " atom"]:
    """Sum of the values of all used slots, put down to the neighbours; any number of lists."""
    return _scattered([(bonds.index, count, (values,)) for bonds, count, values in shares], None)[0]


def forces_from_bonds(
    shares: Sequence[tuple[Bonds, Int[Array, " atom"], tuple[Array, Array, Array]]],
    dtype: DTypeLike | None = None,
) -> Float[Array, "3 atom"]:
    """The same as :func:`carbonize.potentials.slots.forces_from_bonds`, for used slots only."""
    lists = [(bonds.index, count, gradient) for bonds, count, gradient in shares]
    return jnp.stack(_scattered(lists, dtype, own=True))


def _scattered(
    lists: Sequence[tuple[Array, Array, tuple[Array, ...]]], dtype: DTypeLike | None, own: bool = False
) -> list[Array]:
    """Values added up at the neighbours; with ``own`` subtracted there, and added at the atom itself."""
    components = len(lists[0][2])
    atoms = lists[0][1].shape[0]
    wide = lists[0][2][0].dtype if dtype is None else jnp.dtype(dtype)

    def kernel(*refs: Any) -> None:
        sums, refs = refs[-components:], refs[components:-components]
        atom, real = _my_atoms(atoms)
        totals = (jnp.zeros((_THREADS,), wide),) * components
        for number, (index, _, _) in enumerate(lists):
            first = number * (2 + components)
            neighbors, counts, *values = refs[first : first + 2 + components]
            count = jnp.minimum(_load(counts, atom, real, 0), index.shape[0])

            def one(
                slot: Array, totals: Any, neighbors: Any = neighbors, values: Any = values, count: Any = count
            ) -> Any:
                used = real & (slot < count)
                neighbor = _load(neighbors, (slot, atom), used, 0)
                new = []
                for total, out, ref in zip(totals, sums, values, strict=True):
                    value = _load(ref, (slot, atom), used).astype(wide)
                    plgpu.atomic_add(out, (neighbor,), -value if own else value, mask=used)
                    new.append(total + value)
                return tuple(new)

            totals = jax.lax.fori_loop(0, jnp.max(count), one, totals)
        if own:
            for out, total in zip(sums, totals, strict=True):
                plgpu.atomic_add(out, (atom,), total, mask=real)

    shape = jax.ShapeDtypeStruct((atoms,), wide)
    flat = [array for index, count, values in lists for array in (index, count, *values)]
    zeros = [jnp.zeros((atoms,), wide)] * components
    aliases = {c: c for c in range(components)}
    return list(_call(kernel, atoms, [shape] * components, aliases)(*zeros, *flat))


def _call(
    kernel: Any, atoms: int, shapes: list[jax.ShapeDtypeStruct], aliases: dict[int, int] | None = None
) -> Any:
    return pl.pallas_call(
        kernel,
        out_shape=shapes,
        grid=(-(-atoms // _THREADS),),
        input_output_aliases=aliases or {},
        interpret=not available(),
        compiler_params=plgpu.CompilerParams(num_warps=_THREADS // 32),
    )


def _my_atoms(atoms: int) -> tuple[Array, Array]:
    """The atoms of this block's threads, and which of them exist."""
    atom = pl.program_id(0) * _THREADS + jnp.arange(_THREADS, dtype=jnp.int32)
    return atom, atom < atoms


def _load(ref: Any, place: Any, mask: Array, other: float = 0.0) -> Array:
    return plgpu.load(ref.at[place], mask=mask, other=other)


def _store(ref: Any, place: Any, value: Array, mask: Array) -> None:
    plgpu.store(ref.at[place], value, mask=mask)
