"""The dispersion term: its sums, its derivatives, where it must not act, and graphite."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from bond_lists import end_to_end, evaluate, random_bonds
from oracles import dispersion_oracle

import carbonize
from carbonize.calculators import CarbonizeCalculator
from carbonize.config import parse_protocol
from carbonize.errors import InputError
from carbonize.potentials import make_potential
from carbonize.potentials.base import Bonds, Evaluation, Potential
from carbonize.potentials.dispersion import Dispersed
from carbonize.potentials.edip import Edip
from carbonize.potentials.slots import pick, pick_by_rank
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS

TERSOFF = Tersoff(tuple(NAMED_SETS["tersoff-1989"].items()))


@dataclasses.dataclass(frozen=True)
class Nothing(Potential):
    """No forces; it reaches as far as it is told and reports the bonds it was given."""

    reach: float = 2.0

    @property
    def cutoff_A(self):
        return 2.0

    @property
    def elements(self):
        return ("C",)

    def initial_capacity(self):
        return (1,)

    def evaluate(self, bonds, species, capacity, with_virials=False, accumulate=None):
        dtype = accumulate or bonds.x.dtype
        none = jnp.zeros_like(bonds.x[0], dtype)
        seen = jnp.sum(bonds.x < 900, axis=0, dtype=jnp.int32)
        energies = none if self.reach == 2.0 else seen.astype(dtype)
        reach = jnp.full_like(bonds.x[0], self.reach)
        zeros = jnp.zeros((1, *none.shape), jnp.int32)
        return Evaluation(energies, jnp.stack([none] * 3), jnp.stack([none] * 6), zeros, reach)


def calculator(precision="float64", base: Potential | None = None):
    potential = Dispersed(base or Nothing())
    return CarbonizeCalculator(potential, name="test", precision=precision, capacity=(1, 32, 20))


@pytest.fixture(scope="module")
def pairs_only():
    return calculator()


@pytest.fixture
def layers(disordered):
    """Two skewed, rattled layers in a cell shorter than the range, so that atoms meet many images."""
    atoms = Atoms("C4", [[0, 0, 0], [1.4, 0.1, 0.2], [0.3, 0.4, 3.1], [1.9, 0.2, 3.4]], pbc=True)
    atoms.set_cell([[4.2, 0, 0], [-1.3, 3.8, 0], [0.4, 0.3, 6.6]])
    return atoms


def energy_of(calc, atoms):
    atoms = atoms.copy()
    atoms.calc = calc
    return atoms.get_potential_energy()


def test_energies_equal_the_plain_sum_over_pairs(pairs_only, layers, disordered):
    for atoms in (layers, disordered):
        expected = dispersion_oracle.atom_energies(atoms.positions, np.array(atoms.cell), atoms.pbc)
        atoms = atoms.copy()
        atoms.calc = pairs_only
        assert np.abs(atoms.get_potential_energies() - expected).max() < 1e-12


def test_forces_are_minus_the_gradient_and_add_up_to_nothing(pairs_only, layers):
    layers.calc = pairs_only
    forces, step = layers.get_forces(), 1e-5
    assert np.abs(forces.sum(axis=0)).max() < 1e-14
    for i, c in np.ndindex(2, 3):
        values = []
        for sign in (-1, 1):
            moved = layers.copy()
            moved.positions[i, c] += sign * step
            values.append(energy_of(pairs_only, moved))
        assert forces[i, c] == pytest.approx(-(values[1] - values[0]) / (2 * step), abs=1e-7)


def test_stress_is_the_derivative_with_respect_to_strain(pairs_only, layers):
    layers.calc = pairs_only
    stress, step = layers.get_stress(voigt=False), 1e-5
    for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
        values = []
        for sign in (-1, 1):
            strain = np.eye(3)
            strain[a, b] += 0.5 * sign * step
            strain[b, a] += 0.5 * sign * step
            strained = layers.copy()
            strained.set_cell(layers.cell @ strain, scale_atoms=True)
            values.append(energy_of(pairs_only, strained))
        derivative = (values[1] - values[0]) / (2 * step) / layers.get_volume()
        assert stress[a, b] == pytest.approx(derivative, abs=1e-8)


def test_the_term_is_continuous_to_second_order_where_it_is_switched():
    with jax.enable_x64(True):
        term = Dispersed(Nothing())

        def phi(r):
            return term.pair(r * r)[0]

        first = jax.vmap(jax.grad(phi))
        second = jax.vmap(jax.grad(jax.grad(phi)))
        r = np.linspace(2.5, 8.5, 4001)
        slope = np.asarray(term.pair(jnp.asarray(r * r))[1]) * 2 * r
        assert np.abs(slope - first(jnp.asarray(r))).max() < 1e-12
        for place in (3.0, 3.3, 7.0, 8.0):
            around = jnp.asarray([place - 1e-6, place + 1e-6])
            for derivative, scale in ((jax.vmap(phi), 1e-2), (first, 1e-1), (second, 10.0)):
                below, above = derivative(around)
                assert abs(above - below) < 2e-5 * scale, place
        inside = jnp.asarray([0.01, 0.7, 1.42, 2.46, 2.52, 3.0, 8.0, 20.0])
        for values in (jax.vmap(phi)(inside), first(inside), second(inside)):
            assert (np.asarray(values) == 0).all()


def test_overlapping_atoms_in_single_precision_are_no_trouble():
    assert energy_of(calculator("float32"), Atoms("C2", [[0, 0, 0], [0, 0, 0.06]])) == 0


def test_the_base_gets_a_longer_list_when_it_asks_for_one():
    """It counts what it is given: with 2.7 A to begin with 4 neighbours, in the end at least 16."""
    atoms = bulk("C", "diamond", a=3.567, cubic=True)
    atoms.calc = calculator(base=Nothing(reach=2.7))
    expected = dispersion_oracle.atom_energies(atoms.positions, np.array(atoms.cell), atoms.pbc)
    given = atoms.get_potential_energies() - expected
    assert np.abs(given - given.round()).max() < 1e-11
    assert (given.round() >= 16).all()


# ---- On top of a potential -------------------------------------------------------------------


def cut_off(bonds: Bonds, radius: float, slots: int) -> Bonds:
    """The same bonds without those longer than ``radius``, in a list of another length."""
    far = bonds.x**2 + bonds.y**2 + bonds.z**2 > radius**2
    index = np.where(far, np.arange(bonds.index.shape[1]), bonds.index)
    arrays = [index, np.where(far, 1e3, bonds.x), np.where(far, 0, bonds.y), np.where(far, 0, bonds.z)]
    spare = ((0, slots - len(index)), (0, 0))
    padded = [np.pad(a, spare, constant_values=1e3 if k == 1 else 0) for k, a in enumerate(arrays)]
    return Bonds(padded[0].astype(np.int32), *(a.astype(bonds.x.dtype) for a in padded[1:]))


def test_without_pairs_beyond_the_inner_switch_nothing_changes_to_the_last_bit():
    bonds = random_bonds(213, 2, "float64")
    base = evaluate(TERSOFF, cut_off(bonds, 3.0, 40), (6,))
    both = evaluate(Dispersed(TERSOFF), cut_off(bonds, 3.0, 57), (6, 14, 21))
    for name in ("energies", "forces", "virials"):
        assert np.array_equal(getattr(base, name), getattr(both, name)), name


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_results_do_not_depend_on_room_or_company_to_the_last_bit(precision):
    potential, capacity = Dispersed(Nothing(), end_A=6.0), (1, 14, 20)
    first, second = (random_bonds(213, seed, precision, cutoff_A=6.0, slots=160) for seed in (1, 2))
    alone = evaluate(potential, second, capacity)
    assert (alone.usage.max(axis=1) <= capacity).all()
    roomy = evaluate(potential, cut_off(second, 6.1, 203), (1, 17, 24))
    company = evaluate(potential, end_to_end([first, second]), capacity)
    for name in ("energies", "forces", "virials"):
        assert np.array_equal(getattr(roomy, name), getattr(alone, name)), name
        assert np.array_equal(getattr(company, name)[..., 213:], getattr(alone, name)), name


def test_sums_in_double_precision_leave_single_pairs_in_single():
    potential, capacity = Dispersed(Nothing(), end_A=6.0), (1, 14, 20)
    bonds = random_bonds(213, 2, "float32", cutoff_A=6.0, slots=160)
    single, mixed = evaluate(potential, bonds, capacity), evaluate(potential, bonds, capacity, "float64")
    assert mixed.forces.dtype == mixed.energies.dtype == mixed.virials.dtype == np.float64
    assert 0 < np.abs(mixed.forces - single.forces).max() < 1e-5
    assert np.abs(mixed.forces.sum(axis=1)).max() < 1e-12 < np.abs(single.forces.sum(axis=1)).max()


def test_both_ways_to_find_bits_agree():
    keep = np.random.default_rng(1).random((100, 50)) < np.linspace(0, 1, 50)
    bits = np.pad(keep, ((0, 28), (0, 0))).reshape(4, 32, 50).astype(np.uint64)
    words = (bits << np.arange(32, dtype=np.uint64)[:, None]).sum(axis=1).astype(np.uint32)
    for capacity in (1, 30):
        slots, count = pick(jnp.asarray(keep), capacity)
        by_rank, same = pick_by_rank(jnp.asarray(words), capacity)
        assert (count == same).all()
        used = np.arange(capacity)[:, None] < np.asarray(count)
        assert (np.where(used, slots, 0) == by_rank).all()


# ---- Graphite --------------------------------------------------------------------------------

A_EDIP = 2.4594


def sheets(a: float, spacing: float, shift: float) -> Atoms:
    """Two sheets in a cell of two; ``shift`` 1 is AB, 0 is AA stacking."""
    vectors = np.array([[a, 0, 0], [a / 2, a * 3**0.5 / 2, 0], [0, 0, 2 * spacing]])
    b = (vectors[0] + vectors[1]) / 3
    places = [0 * b, b, shift * b + vectors[2] / 2, (1 + shift) * b + vectors[2] / 2]
    return Atoms("C4", places, cell=vectors, pbc=True)


def test_graphite_has_a_spacing_and_an_exfoliation_energy():
    """3.361 A and 46.1 meV/atom; experiment 3.354 A and 52 +- 5 meV/atom (docs/validation.md)."""
    calc = CarbonizeCalculator(Dispersed(Edip()), name="EDIP", capacity=(3, 1, 24, 3, 10, 36, 32))
    spacings = np.linspace(3.33, 3.39, 4)
    energies = np.array([energy_of(calc, sheets(A_EDIP, d, 1)) / 4 for d in spacings])
    curve = np.polynomial.Polynomial.fit(spacings, energies, 3)
    spacing = next(r.real for r in curve.deriv().roots() if 3.33 < r.real < 3.39)
    alone = energy_of(calc, sheets(A_EDIP, 20.0, 1)) / 4
    assert spacing == pytest.approx(3.361, abs=0.003)
    assert alone - curve(spacing) == pytest.approx(0.0461, abs=0.0005)
    assert 0 < energy_of(calc, sheets(A_EDIP, spacing, 0)) / 4 - curve(spacing) < 0.003


# ---- How to ask for it -----------------------------------------------------------------------


def protocol(potential):
    return parse_protocol(
        {
            "name": "x",
            "structure": {"kind": "random", "atoms": 10, "density_g_cm3": 1},
            "schedule": [{"kind": "hold", "temperature_K": 300, "duration_ps": 1}],
            "potential": potential,
        }
    )


def test_a_protocol_and_the_calculator_offer_it_in_short_and_in_full():
    assert make_potential(protocol({"kind": "edip"}).potential) == Edip()
    assert make_potential(protocol({"kind": "edip", "dispersion": False}).potential) == Edip()
    assert make_potential(protocol({"kind": "edip", "dispersion": True}).potential) == Dispersed(Edip())
    full = {"kind": "lennard-jones", "cutoff_A": 10.0}
    long = {"kind": "tersoff", "parameters": "tersoff-1989", "dispersion": full}
    expected = Dispersed(TERSOFF, end_A=10.0)
    assert make_potential(protocol(long).potential) == expected
    named = carbonize.calculator("tersoff", parameters="tersoff-1989", dispersion=full)
    assert named.potential == expected
    assert carbonize.calculator("edip", dispersion=True).potential == Dispersed(Edip())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"cutoff_A": 3}, "potential.dispersion.cutoff_A: .*greater than or equal to 6"),
        ({"cutof_A": 9}, "unknown key 'potential.dispersion.cutof_A'; did you mean 'cutoff_A'"),
        ({"kind": "d3"}, "potential.dispersion.kind: .*lennard-jones"),
        ("yes", "potential.dispersion: "),
    ],
)
def test_wrong_settings_are_named(value, message):
    with pytest.raises(InputError, match=message):
        protocol({"kind": "edip", "dispersion": value})
    with pytest.raises(InputError, match=message.removeprefix("potential.").replace("'potential.", "'")):
        carbonize.calculator("edip", dispersion=value)


def test_other_elements_are_refused():
    atoms = Atoms("CSi", [[0, 0, 0], [0, 0, 2]])
    atoms.calc = carbonize.calculator("tersoff", parameters="tersoff-1989", dispersion=True)
    with pytest.raises(InputError, match=r"dispersion has parameters for carbon only, .* Si"):
        atoms.get_potential_energy()
