"""Lists of pairs: every unordered pair beyond the slots once, and a run that does not feel their size."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.neighborlist import primitive_neighbor_list
from jax import Array
from physics.soft import SoftSpheres, fluid
from physics.systems import NVE, propagator

from carbonize.potentials.base import Bonds, Capacity, Evaluation
from carbonize.potentials.pairs import in_portions, portion, to_both
from carbonize.potentials.slots import compiler_options
from carbonize.simulation.cells import wrapped
from carbonize.simulation.neighbors import bond_vectors, build, make_plan, narrow
from carbonize.simulation.propagate import Growth

compiled = functools.partial(jax.jit, compiler_options=compiler_options("cpu"))

CELLS = {
    "cube with cells": (np.eye(3) * 18.0, 200),
    "cube smaller than twice the radius": (np.eye(3) * 6.0, 20),
    "tiny skewed": (np.array([[2.5, 0, 0], [1.2, 2.2, 0], [0.8, 0.7, 2.1]]), 2),
    "thin": (np.array([[20.0, 0, 0], [0, 20, 0], [0, 0, 5.0]]), 60),
}


@pytest.mark.parametrize("name", CELLS)
def test_slots_and_pairs_together_hold_every_pair_once(name: str) -> None:
    cell, count = CELLS[name]
    positions = np.random.default_rng(3).uniform(0, 1, (count, 3)) @ cell
    cells = jnp.asarray(cell)[None]
    inside = jax.vmap(wrapped)(jnp.asarray(positions)[None], cells)
    plan = make_plan(np.asarray(inside), cell[None], 3.2, 1.2, pairs_A=(2.6, 2.0))
    near = compiled(lambda r, c: narrow(plan, build(plan, r, c), r, c))(inside, cells)
    assert near.pairs is not None
    assert plan.pairs is not None
    assert int(near.pairs.needed) <= plan.pairs.count
    assert int(near.pairs.needed_per_atom) <= plan.pairs.per_atom
    bonds = bond_vectors(plan, near, inside, cells)
    pairs = bonds.pairs
    assert pairs is not None
    length = np.sqrt(np.square([pairs.x, pairs.y, pairs.z]).sum(0))
    wanted = (length >= 2.0) & (length < 3.2)
    ours = np.sort([np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second)], axis=0)
    ours = sorted(zip(*ours[:, wanted], np.round(length[wanted], 6), strict=True))
    i, j, d = primitive_neighbor_list("ijd", [1, 1, 1], cell, np.asarray(inside[0]), 3.2)
    theirs = sorted(
        zip(np.minimum(i, j)[d >= 2.0], np.maximum(i, j)[d >= 2.0], np.round(d[d >= 2.0], 6), strict=True)
    )
    assert ours == theirs[::2] == theirs[1::2]  # ASE lists each from both ends
    in_slots = np.sqrt(np.square([bonds.x, bonds.y, bonds.z]).sum(0))
    assert np.sum(in_slots < 2.6) == np.sum(d < 2.6)


@dataclasses.dataclass(frozen=True)
class PairedSpheres(SoftSpheres):
    """Soft spheres that take pairs for all beyond 1.2 A."""

    @property
    def pairs_from_A(self) -> float | None:
        """Where pairs begin."""
        return 1.2

    def slot_radius_A(self, capacity: Capacity) -> float:
        """Where slots end."""
        return 1.4

    def evaluate(
        self,
        bonds: Bonds,
        species: Array,
        capacity: Capacity,
        with_virials: Any = False,
        accumulate: Any = None,
    ) -> Evaluation:
        """Slots up to 1.2 A, pairs beyond."""
        assert bonds.pairs is not None
        inside = bonds.x**2 + bonds.y**2 + bonds.z**2 < 1.2**2
        short = Bonds(bonds.index, jnp.where(inside, bonds.x, 1e3), bonds.y, bonds.z)
        base = super().evaluate(short, species, capacity, with_virials, accumulate)
        pairs = in_portions(bonds.pairs, bonds.x.shape[1])

        def one(sums: Any, pairs: Any) -> Any:
            energies, forces, trace = sums
            r2 = pairs.x**2 + pairs.y**2 + pairs.z**2
            near = jnp.where(r2 < 1.2**2, 0.0, jnp.maximum(1.0 - r2 / self.range_A**2, 0.0))
            slope = -6.0 * self.height_eV / self.range_A**2 * near**2
            half = 0.5 * self.height_eV * near**3
            energies = to_both(energies, pairs, half, half)
            forces = tuple(
                to_both(f, pairs, slope * v, -slope * v) for f, v in zip(forces, pairs[2:], strict=True)
            )
            return (energies, forces, trace.at[pairs.first].add(slope * r2)), None

        start = (base.energies, tuple(base.forces), jnp.sum(base.virials[:3], axis=0))
        (energies, forces, trace), _ = jax.lax.scan(one, start, pairs)
        return base._replace(energies=energies, forces=jnp.stack(forces), virials=trace[None])


def test_a_run_with_pairs_is_a_run_with_slots() -> None:
    runs = []
    for potential in (SoftSpheres(), PairedSpheres()):
        engine, state = propagator(fluid(), thermostat=NVE, potential=potential)
        state, report, _ = engine.advance(state, 200)
        runs.append((np.asarray(state.positions), report))
    np.testing.assert_allclose(runs[0][0], runs[1][0], atol=1e-8)
    np.testing.assert_allclose(runs[0][1].potential_eV, runs[1][1].potential_eV, rtol=1e-9)
    np.testing.assert_allclose(runs[0][1].mean_pressure_GPa, runs[1][1].mean_pressure_GPa, rtol=1e-8)


def test_too_little_room_for_pairs_is_seen_and_changes_no_bit() -> None:
    ends = []
    for room in (None, 256):
        grown: list[Growth] = []
        engine, state = propagator(fluid(), thermostat=NVE, potential=PairedSpheres(), on_growth=grown.append)
        plan = engine.field.plan
        assert plan.pairs is not None
        if room is not None:
            tight = dataclasses.replace(plan.pairs, count=2 * portion(31), per_atom=3)
            assert tight.count <= plan.pairs.count
            engine.field = dataclasses.replace(engine.field, plan=dataclasses.replace(plan, pairs=tight))
        state, _, _ = engine.advance(state, 100)
        assert [growth.sizes["pairs"][0][1] for growth in grown] == ([] if room is None else [3])
        ends.append(np.asarray(state.positions))
    np.testing.assert_array_equal(ends[0], ends[1])
