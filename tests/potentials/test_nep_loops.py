"""NEP as loops: the same as the arrays that cards evaluate, and the same in any company."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numba
import numpy as np
import pytest
from bond_lists import end_to_end, evaluate, random_bonds
from nep_files import Kind

from carbonize.potentials.base import PAD_A, UNUSED, Bonds, Evaluation, Lists
from carbonize.potentials.nep import Nep
from carbonize.potentials.nep_file import read_nep
from carbonize.potentials.nep_loops.products import dots, multiply
from carbonize.potentials.slots import compiler_options

ROOM = (80, 60)
FOUND = ("energies", "forces", "virials")
KINDS = {
    "carbon": Kind(cutoff="3.6 3.2 80 47", n_max=(4, 3), basis_size=(6, 5), neurons=11),
    "three-body only": Kind(cutoff="3.6 3.2 80 47", l_max="1 0 0"),
    "two elements": Kind("nep4_zbl", ("C", "O"), "3.6 3.0 3.2 2.9 80 47", zbl="1.0 2.0"),
    "one network, high orders": Kind("nep3", ("H", "C", "O"), "3.6 3.3 80 47", l_max="8 2 1"),
}


@pytest.fixture(scope="module")
def carbon(tmp_path_factory: pytest.TempPathFactory) -> Nep:
    return Nep(read_nep(KINDS["carbon"].write(tmp_path_factory.mktemp("nep") / "nep.txt")))


def with_species(potential: Nep, bonds: Bonds, species: np.ndarray, virials: bool | str = True) -> Evaluation:
    run = jax.jit(lambda b, s: potential.evaluate(b, s, ROOM, virials), compiler_options=compiler_options())
    with jax.enable_x64(True):
        return jax.device_get(run(jax.tree.map(jnp.asarray, bonds), jnp.asarray(species)))


@pytest.mark.parametrize("kind", KINDS)
def test_loops_find_what_arrays_find(kind: str, tmp_path: Path) -> None:
    potential = Nep(read_nep(KINDS[kind].write(tmp_path / "nep.txt")))
    bonds = random_bonds(213, 2, "float64")
    species = np.random.default_rng(1).integers(len(potential.elements), size=213).astype(np.int32)
    arrays = with_species(dataclasses.replace(potential, loops=False), bonds, species)
    loops = with_species(potential, bonds, species)
    assert (arrays.usage.max(axis=1) <= ROOM).all()
    assert np.abs(arrays.forces).max() > 0.1
    for name in FOUND:
        scale = np.abs(getattr(arrays, name)).max()
        assert np.abs(getattr(loops, name) - getattr(arrays, name)).max() < 1e-12 * scale, name
    assert np.abs(loops.forces.sum(axis=1)).max() < 1e-11
    trace = with_species(potential, bonds, species, "trace").virials
    assert trace is not None and loops.virials is not None and trace.shape == (1, 213)
    assert np.abs(trace[0] - loops.virials[:3].sum(axis=0)).max() < 1e-11


@pytest.mark.parametrize("precision", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_neither_slots_nor_company_change_a_bit(carbon: Nep, precision: str) -> None:
    """213 atoms: replicas do not begin where blocks of atoms do."""
    first, second, third = (random_bonds(213, seed, precision) for seed in (1, 2, 3))
    alone = evaluate(carbon, second, ROOM)
    wider = random_bonds(213, 2, precision, slots=57)
    for bonds, mine in ((wider, slice(None)), (end_to_end([first, second, third]), slice(213, 426))):
        other = evaluate(carbon, bonds, ROOM)
        for name in FOUND:
            assert np.array_equal(getattr(other, name)[..., mine], getattr(alone, name)), name


def test_single_precision_and_sums_in_double(carbon: Nep) -> None:
    exact = evaluate(carbon, random_bonds(213, 2, "float64"), ROOM)
    bonds = random_bonds(213, 2, "float32")
    single, mixed = evaluate(carbon, bonds, ROOM), evaluate(carbon, bonds, ROOM, "float64")
    assert single.forces.dtype == single.energies.dtype == np.float32
    assert mixed.forces.dtype == mixed.energies.dtype == np.float64
    for name in FOUND:
        scale = np.abs(getattr(exact, name)).max()
        for found in (single, mixed):
            assert np.abs(getattr(found, name) - getattr(exact, name)).max() < 2e-5 * scale, name
    assert np.abs(mixed.forces.sum(axis=1)).max() < 1e-11


def test_lists_give_the_vectors_that_they_stand_for(carbon: Nep) -> None:
    rng = np.random.default_rng(7)
    atoms, slots = 90, 40
    cells = np.array([np.diag([9.0, 9.5, 10.0]), np.diag([9.2, 9.4, 10.1])])
    cells[:, 1, 0], cells[:, 2, 0], cells[:, 2, 1] = 0.7, -0.4, 0.3
    parts, shifts, positions = [], [], []
    steps = np.stack(np.meshgrid(*[[0, -1, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
    for cell in cells:
        r = rng.uniform(size=(atoms, 3)) @ cell
        index = np.tile(np.arange(atoms, dtype=np.int32), (slots, 1))
        shift, vectors = np.zeros((3, slots, atoms), np.int8), np.zeros((3, slots, atoms))
        shift[0], vectors[0] = UNUSED, PAD_A
        for i in range(atoms):
            apart = r[None] + (steps @ cell)[:, None] - r[i]
            length = np.linalg.norm(apart, axis=-1)
            k, j = np.nonzero((length < 3.7) & (length > 0.4))
            index[: len(k), i], shift[:, : len(k), i], vectors[:, : len(k), i] = j, steps[k].T, apart[k, j].T
        parts.append(Bonds(index, *vectors))  # type: ignore[arg-type]
        shifts.append(shift)
        positions.append(r)
    bonds = end_to_end(parts)
    nonsense = np.full_like(bonds.x, np.nan)
    lists = Lists(np.concatenate(shifts, axis=2), np.concatenate(positions), cells)  # type: ignore[arg-type]
    expected = evaluate(carbon, bonds, ROOM)
    found = evaluate(carbon, Bonds(bonds.index, nonsense, nonsense, nonsense, lists), ROOM)
    few = nonsense.astype("float32")
    mixed = evaluate(carbon, Bonds(bonds.index, few, few, few, lists), ROOM, "float64")
    assert found.reach_A.shape == (1,)
    for name in FOUND:
        scale = np.abs(getattr(expected, name)).max()
        assert np.abs(getattr(found, name) - getattr(expected, name)).max() < 1e-11 * scale, name
        assert np.abs(getattr(mixed, name) - getattr(expected, name)).max() < 1e-4 * scale, name


def test_what_is_no_number_is_seen_where_it_is(carbon: Nep) -> None:
    sound, broken = random_bonds(213, 2, "float64"), random_bonds(213, 3, "float64")
    broken.y[2, 17] = np.nan
    both = evaluate(carbon, end_to_end([broken, sound]), ROOM)
    assert np.isnan(both.energies[17])
    assert np.isnan(both.forces[:, 17]).all()
    assert np.isfinite(both.energies[:17]).all()
    assert np.array_equal(both.forces[:, 213:], evaluate(carbon, sound, ROOM).forces)


@numba.njit
def products(left, right, out, a, b, sums):
    multiply(left, right, out)
    dots(a, b, sums)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(1, 1, 8), (4, 7, 16), (9, 18, 24), (6, 0, 40)])
def test_products_of_small_matrices(shape: tuple[int, int, int], dtype: type) -> None:
    rows, inner, columns = shape
    rng = np.random.default_rng(3)
    left, right = rng.normal(size=(inner, rows)).astype(dtype).T, rng.normal(size=(inner, 48)).astype(dtype)
    out, sums = np.full((rows, 48), 7, dtype), np.zeros(inner, dtype)
    products(left, right[:, :columns], out[:, :columns], right[:, :columns], right[:, 8 : 8 + columns], sums)
    close = 1e-13 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(out[:, :columns], left @ right[:, :columns], atol=close)
    assert (out[:, columns:] == 7).all()
    np.testing.assert_allclose(sums, (right[:, :columns] * right[:, 8 : 8 + columns]).sum(axis=1), atol=close)
