"""Bringing structures into standard form changes nothing that physics can see."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene
from ase.neighborlist import primitive_neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonize.errors import InputError
from carbonize.structures.prepare import species_indices, standard_cell

SKEWED = np.array([[6.0, 1.0, -0.5], [-2.0, 7.0, 1.0], [0.5, 3.0, 8.0]])


def crystal(cell: np.ndarray, atoms: int = 8, seed: int = 0) -> Atoms:
    inside = np.random.default_rng(seed).uniform(-1, 2, (atoms, 3))
    return Atoms(f"C{atoms}", positions=inside @ cell, cell=cell, pbc=True)


def all_distances(atoms: Atoms, within: float = 6.0) -> np.ndarray:
    """Sorted distances per atom pair, every image counted."""
    i, j, d = primitive_neighbor_list("ijd", atoms.pbc, atoms.cell.array, atoms.get_positions(), within)
    order = np.lexsort((np.round(d, 6), j, i))
    return np.column_stack([i, j, d])[order]


def assert_standard(atoms: Atoms) -> None:
    cell = atoms.cell.array
    assert np.array_equal(cell, np.tril(cell))
    assert (np.diag(cell) > 0).all()
    inside = np.linalg.solve(cell.T, atoms.positions.T).T
    assert (inside > -1e-9).all()
    assert (inside < 1 + 1e-9).all()


CELLS = {
    "cubic": np.eye(3) * 7,
    "skewed": SKEWED,
    "left-handed": SKEWED[[1, 0, 2]],
    "left-handed lower": np.array([[6.0, 0, 0], [1.0, 7.0, 0], [0.5, -2.0, -8.0]]),
    "negative diagonal": np.diag([-6.0, -7.0, 8.0]),
    "upside down": -np.eye(3) * 7,
    "axes exchanged": np.array([[0, 0, 7.0], [6.0, 0, 0], [0, 8.0, 0]]),
    "almost standard": np.array([[6.0, 1e-13, 0], [1.0, 7.0, 0], [0.5, -2.0, 8.0]]),
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_the_standard_form_keeps_every_distance_periodic_images_included(cell: np.ndarray) -> None:
    before = crystal(cell)
    after = standard_cell(before, "x")
    assert_standard(after)
    assert after.get_volume() == pytest.approx(abs(np.linalg.det(cell)))
    np.testing.assert_allclose(all_distances(after), all_distances(before), atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), flip=st.booleans())
def test_the_standard_form_keeps_distances_in_any_cell(seed: int, flip: bool) -> None:
    cell = np.eye(3) * 6 + np.random.default_rng(seed).uniform(-2.5, 2.5, (3, 3))
    if flip:
        cell[[0, 2]] = cell[[2, 0]]
    before = crystal(cell, 4, seed)
    after = standard_cell(before, "x")
    assert_standard(after)
    np.testing.assert_allclose(
        np.sort(all_distances(after, 5.0)[:, 2]), np.sort(all_distances(before, 5.0)[:, 2]), atol=1e-8
    )


def test_the_given_structure_is_left_alone() -> None:
    before = crystal(SKEWED)
    positions, cell = before.get_positions(), before.cell.array.copy()
    standard_cell(before, "x")
    assert np.array_equal(before.get_positions(), positions)
    assert np.array_equal(before.cell.array, cell)


def test_a_standard_cell_is_only_wrapped() -> None:
    cell = np.array([[6.0, 0, 0], [-2.0, 7.0, 0], [0.5, 3.0, 8.0]])
    before = crystal(cell)
    after = standard_cell(before, "x")
    assert np.array_equal(after.cell.array, cell)
    whole = np.linalg.solve(cell.T, (after.positions - before.positions).T).T
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-9)


def test_a_primitive_crystal_keeps_its_bonds() -> None:
    diamond = standard_cell(bulk("C", "diamond", a=3.567), "x")
    i, d = primitive_neighbor_list("id", diamond.pbc, diamond.cell.array, diamond.positions, 1.7)
    assert np.bincount(i).tolist() == [4, 4]
    np.testing.assert_allclose(d, 3.567 * np.sqrt(3) / 4)


@pytest.mark.parametrize(("pbc", "shown"), [((True, True, False), "T T F"), ((False, False, False), "F F F")])
def test_a_structure_with_an_open_direction_is_refused(pbc: tuple[bool, bool, bool], shown: str) -> None:
    sheet = graphene(vacuum=5)
    sheet.pbc = pbc
    with pytest.raises(InputError, match=f"sheet.xyz: .*periodic in three directions.*got pbc {shown}"):
        standard_cell(sheet, "sheet.xyz")


def test_species_are_indices_into_the_elements_of_the_potential() -> None:
    atoms = Atoms("CHC", positions=np.eye(3) * 3)
    assert species_indices(atoms.get_chemical_symbols(), ("H", "C"), "p", "x").tolist() == [1, 0, 1]


def test_an_element_that_the_potential_does_not_know_is_named_with_its_atom() -> None:
    atoms = Atoms("C2OC", positions=np.arange(12).reshape(4, 3))
    with pytest.raises(InputError, match=r"x\.xyz: atom 2 is O, but the potential edip knows only C;"):
        species_indices(atoms.get_chemical_symbols(), ("C",), "edip", "x.xyz")
