"""A potential evaluated for some atoms at a time, as several cores do, against all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bond_lists import random_bonds
from nep_files import Kind
from tersoff_tables import TABLES

from carbonize.potentials import tersoff
from carbonize.potentials.base import Bonds, Evaluation, Potential
from carbonize.potentials.dispersion import Dispersed
from carbonize.potentials.edip import Edip
from carbonize.potentials.nep import Nep
from carbonize.potentials.nep_file import read_nep
from carbonize.potentials.slots import compiler_options
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS

ATOMS, PARTS = 213, 3
CCC = ("C", "C", "C")
CARBON = Tersoff(((CCC, NAMED_SETS["tersoff-1989"][CCC]),))


def two_elements(folder: Path) -> Nep:
    kind = Kind("nep4_zbl", ("C", "O"), "3.6 3.0 80 47", zbl="1.0 2.0")
    return Nep(read_nep(kind.write(folder / "nep.txt")), block=50)


def case(name: str, folder: Path) -> tuple[Potential, tuple[int, ...]]:
    if name == "nep":
        return two_elements(folder), (40, 40)
    if name == "alloy":
        return Tersoff(tuple(TABLES["BNC"].items())), (14, 0)
    if name == "dispersed":
        return Dispersed(CARBON, end_A=6.0), (9, 0, 40, 32)
    return CARBON, (9, 256)


def compiled(potential: Potential, capacity: tuple[int, ...]) -> Callable[[Bonds, np.ndarray], Evaluation]:
    run = jax.jit(lambda b, s: potential.evaluate(b, s, capacity, True), compiler_options=compiler_options())

    def evaluate(bonds: Bonds, species: np.ndarray) -> Evaluation:
        with jax.enable_x64(True):
            return jax.device_get(run(jax.tree.map(jnp.asarray, bonds), jnp.asarray(species)))

    return evaluate


@pytest.mark.parametrize("name", [pytest.param("apart", marks=pytest.mark.slow), "alloy", "nep", "dispersed"])
def test_parts_add_up_to_the_whole(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "apart":
        monkeypatch.setattr(tersoff, "_APART_FROM", 0)
    potential, capacity = case(name, tmp_path)
    assert potential.divisible
    bonds = random_bonds(ATOMS, 2, "float64")
    species = np.random.default_rng(1).integers(len(potential.elements), size=ATOMS).astype(np.int32)
    evaluate = compiled(potential, capacity)
    whole = evaluate(bonds, species)
    assert (whole.usage.max(axis=1) <= capacity).all()
    forces, columns = np.zeros_like(whole.forces), []
    size = ATOMS // PARTS
    for first in range(0, ATOMS, size):
        mine = slice(first, first + size)
        index = ((bonds.index[:, mine] - first) % ATOMS).astype(np.int32)
        part = Bonds(index, bonds.x[:, mine], bonds.y[:, mine], bonds.z[:, mine])
        found = evaluate(part, np.roll(species, -first))
        assert found.forces.shape == (3, ATOMS)
        assert found.energies.shape == found.reach_A.shape == (size,)
        forces += np.roll(found.forces, first, axis=1)
        columns.append(found)
    for field in ("energies", "virials", "usage", "reach_A"):
        ours = np.concatenate([getattr(found, field) for found in columns], axis=-1)
        if field == "usage" and name == "apart":
            continue  # how many atoms are crowded is told in shares of those that were given
        np.testing.assert_allclose(ours, getattr(whole, field), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(forces, whole.forces, rtol=0, atol=1e-12 * np.abs(whole.forces).max())


def test_arrays_of_a_potential_that_needs_more_than_own_bonds_cannot_be_divided() -> None:
    for potential in (Edip(), Dispersed(Edip())):
        assert potential.divisible
    for potential in (Edip(loops=False), Dispersed(Edip(loops=False))):
        assert not potential.divisible
