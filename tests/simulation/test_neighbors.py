"""Neighbour lists against ASE's, for every kind of cell."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.neighborlist import primitive_neighbor_list

from carbonize.potentials.base import UNUSED
from carbonize.potentials.slots import compiler_options
from carbonize.simulation.cells import wrapped
from carbonize.simulation.list_plan import make_plan
from carbonize.simulation.neighbors import bond_vectors, build, narrow, outdated

compiled = functools.partial(jax.jit, compiler_options=compiler_options("cpu"))

CELLS = {
    "cube with cells": (np.eye(3) * 27.0, 600),
    "cube without cells": (np.eye(3) * 9.5, 64),
    "cube smaller than twice the radius": (np.eye(3) * 6.0, 20),
    "tiny skewed": (np.array([[2.5, 0, 0], [1.2, 2.2, 0], [0.8, 0.7, 2.1]]), 2),
    "skewed": (np.array([[30.0, 0, 0], [12, 25, 0], [-9, 7, 28]]), 500),
    "thin": (np.array([[40.0, 0, 0], [0, 40, 0], [0, 0, 5.0]]), 60),
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_pair_within_the_radius_is_listed_once(name: str, dtype: type) -> None:
    cell, count = CELLS[name]
    positions = (np.random.default_rng(3).uniform(-0.5, 1.5, (count, 3)) @ cell).astype(dtype)
    cells = jnp.asarray(cell, dtype)[None]
    inside = jax.vmap(wrapped)(jnp.asarray(positions)[None], cells)
    plan = make_plan(np.asarray(inside), cell[None], cutoff_A=3.2, skin_A=0.6)
    neighbors = compiled(lambda r, c: build(plan, r, c))(inside, cells)
    bonds = bond_vectors(plan, neighbors, inside, cells)
    assert bonds.x.dtype == dtype
    length = np.sqrt(np.square([bonds.x, bonds.y, bonds.z]).sum(0))
    found = length < plan.radius_A
    _, center = np.nonzero(found)
    ours = sorted(zip(center, np.asarray(bonds.index)[found], np.round(length[found], 3), strict=True))
    i, j, d = primitive_neighbor_list("ijd", [1, 1, 1], cell, np.asarray(inside[0], float), plan.radius_A)
    theirs = sorted(zip(i, j, np.round(d, 3), strict=True))
    assert len(ours) == len(theirs)
    assert [o[:2] for o in ours] == [t[:2] for t in theirs]
    np.testing.assert_allclose([o[2] for o in ours], [t[2] for t in theirs], atol=2e-3)
    assert int(neighbors.needed[0]) == np.bincount(i, minlength=count).max()


def test_replicas_have_their_own_lists_in_one_batch() -> None:
    cells = np.eye(3) * np.array([14.0, 14.5, 16.0])[:, None, None]
    positions = jnp.asarray(np.random.default_rng(5).uniform(0, 14, (3, 80, 3)))
    plan = make_plan(np.asarray(positions), cells, 3.2, 0.5)
    listed = compiled(lambda r, c: bond_vectors(plan, build(plan, r, c), r, c))
    together = listed(positions, jnp.asarray(cells))
    for k in range(3):
        alone = listed(positions[k : k + 1], jnp.asarray(cells[k : k + 1]))
        mine = slice(80 * k, 80 * (k + 1))
        np.testing.assert_array_equal(together.x[:, mine], alone.x)
        np.testing.assert_array_equal(together.index[:, mine] - 80 * k, alone.index)


@pytest.mark.parametrize("edge", [12.0, 16.0])
def test_a_list_that_is_too_short_says_how_long_it_should_be(edge: float) -> None:
    cells = np.eye(3)[None] * edge
    positions = jnp.asarray(np.random.default_rng(5).uniform(0, edge, (1, 150, 3)))
    roomy = make_plan(np.asarray(positions), cells, 3.2, 0.5)
    tight = make_plan(np.asarray(positions), cells, 3.2, 0.5, slots=2)
    assert tight.slots == 2
    needed = [
        int(compiled(functools.partial(build, plan))(positions, cells).needed[0]) for plan in (roomy, tight)
    ]
    assert needed[0] == needed[1] > 2


def test_crowded_bins_are_noticed() -> None:
    cells = np.eye(3)[None] * 16.0
    positions = jnp.asarray(np.random.default_rng(5).uniform(0, 16, (1, 150, 3)))
    plan = dataclasses.replace(make_plan(np.asarray(positions), cells, 3.2, 0.5), run_capacity=2)
    assert int(compiled(functools.partial(build, plan, loops=False))(positions, cells).crowded[0]) > 2
    assert int(compiled(functools.partial(build, plan, loops=True))(positions, cells).crowded[0]) == 0


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_loops_find_what_arrays_find_in_the_same_order(name: str, dtype: type) -> None:
    cell, count = CELLS[name]
    positions = (np.random.default_rng(4).uniform(-0.5, 1.5, (2, count, 3)) @ cell).astype(dtype)
    cells = jnp.asarray(np.stack([cell, 1.01 * cell]), dtype)
    inside = jax.vmap(wrapped)(jnp.asarray(positions), cells)
    plan = make_plan(np.asarray(inside), np.stack([cell, 1.01 * cell]), cutoff_A=2.8, skin_A=1.0)
    own = None if name == "thin" else jnp.asarray([1, 0, count], jnp.int32)
    lists = [
        compiled(lambda r, c, loops=loops: build(plan, r, c, own, loops))(inside, cells)
        for loops in (True, False)
    ]
    assert (lists[0].shift[0] != UNUSED).any()
    for field in ("index", "shift", "needed", "cramped"):
        assert np.array_equal(getattr(lists[0], field), getattr(lists[1], field)), field
    nearest = [float(np.minimum(found.closest_A, plan.radius_A)[0]) for found in lists]
    assert nearest[0] == pytest.approx(nearest[1], rel=1e-5)
    if own is None:
        moved = inside + 0.3
        near = [
            compiled(lambda n, r, c, loops=loops: narrow(plan, n, r, c, loops))(lists[0], moved, cells)
            for loops in (True, False)
        ]
        assert (near[0].shift[0] != UNUSED).any()
        for field in ("index", "shift", "needed"):
            assert np.array_equal(getattr(near[0], field), getattr(near[1], field)), field


def test_loops_cut_lists_short_where_there_is_no_room() -> None:
    cells = np.eye(3)[None] * 12.0
    positions = jnp.asarray(np.random.default_rng(5).uniform(0, 12, (1, 150, 3)))
    plan = make_plan(np.asarray(positions), cells, 3.2, 0.5)
    whole = compiled(functools.partial(build, plan, loops=True))(positions, cells)
    tight = compiled(functools.partial(build, dataclasses.replace(plan, slots=3), loops=True))(
        positions, cells
    )
    assert np.array_equal(tight.index, whole.index[:3]) and np.array_equal(tight.shift, whole.shift[:, :3])
    assert int(tight.needed[0]) == int(whole.needed[0]) > 3


@pytest.mark.parametrize("factor", [0.9, 0.95, 1.0, 1.06])
@pytest.mark.parametrize("edge", [9.0, 16.0])
def test_a_list_serves_under_a_changing_cell_as_long_as_it_says(edge: float, factor: float) -> None:
    rng = np.random.default_rng(8)
    cells = np.eye(3)[None] * edge
    positions = jnp.asarray(rng.uniform(0, edge, (1, 150, 3)))
    plan = make_plan(np.asarray(positions), cells, 2.0, 0.8, slots=120)
    old = compiled(functools.partial(build, plan))(positions, cells)
    # as far as the criterion lets atoms go, in the worst directions it may not know of
    limit = max(0.5 * (factor * plan.radius_A - plan.cutoff_A), 0.0)
    away = rng.normal(size=(1, 150, 3))
    away *= 0.999 * limit / np.linalg.norm(away, axis=-1, keepdims=True)
    new_cells = jnp.asarray(cells * factor)
    near, far = (positions * factor + away * much for much in (1.0, 1.01))
    assert not outdated(plan, old, near, new_cells, fixed_cell=False)[0]
    assert bool(outdated(plan, old, far, new_cells, fixed_cell=False)[0]) == (limit > 0)
    bonds = bond_vectors(plan, old, near, new_cells)
    length = np.sqrt(np.square([bonds.x, bonds.y, bonds.z]).sum(0))
    ours = np.sort(length[length < plan.cutoff_A])
    theirs = primitive_neighbor_list(
        "d", [1, 1, 1], np.asarray(new_cells[0]), np.asarray(near[0]), plan.cutoff_A
    )
    np.testing.assert_allclose(ours, np.sort(theirs), atol=1e-9)


def test_a_cell_that_shrinks_below_the_cutoff_makes_any_motion_ask_for_a_new_list() -> None:
    cells = np.eye(3)[None] * 12.0
    positions = jnp.asarray(np.random.default_rng(5).uniform(0, 12, (1, 60, 3)))
    plan = make_plan(np.asarray(positions), cells, 2.0, 0.5)
    old = compiled(functools.partial(build, plan))(positions, jnp.asarray(cells))
    assert outdated(plan, old, positions * 0.75 + 1e-6, jnp.asarray(cells * 0.75), fixed_cell=False)[0]


def test_bins_that_became_too_narrow_are_noticed() -> None:
    cells = np.eye(3)[None] * 16.0
    positions = jnp.asarray(np.random.default_rng(5).uniform(0, 16, (1, 150, 3)))
    plan = make_plan(np.asarray(positions), cells, 3.2, 0.5, slots=120, shrink=0.9)
    for factor, cramped in ((0.91, False), (0.65, True)):
        neighbors = compiled(functools.partial(build, plan))(positions * factor, jnp.asarray(cells * factor))
        assert bool(neighbors.cramped[0]) == cramped
